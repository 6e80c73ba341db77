package outbound

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/mailhavn/mailhavn/tlspolicy"
)

// Wish is what the sender of a message asks for.
type Wish int

// The wishes.
const (
	AsPublished Wish = iota // what the recipient's domain has published holds
	RequireTLS              // the message was submitted with REQUIRETLS (RFC 8689, section 2)
	Optional                // it has the field "TLS-Required: No" (RFC 8689, section 3)
)

// Level is what the TLS of a server must be.
type Level int

// The levels, from the lowest.
const (
	Opportunistic Level = iota // TLS if it works, with any certificate
	Encrypted                  // TLS, with any certificate: there are TLSA records, and none can be used (RFC 7672, section 2.2)
	Authority                  // a certificate of a public authority for the server's name: MTA-STS, REQUIRETLS
	DANE                       // a certificate as the TLSA records say
)

var levelNames = []string{"opportunistic", "encrypted", "authority", "DANE"}

// String returns the level's name.
func (l Level) String() string { return levelNames[l] }

// Policies decide about destinations. Resolver must be set. All methods may be called by many goroutines; fields are not to be changed then.
type Policies struct {
	Resolver Resolver
	Memory   Memory            // of MTA-STS policies; if nil, one of this process for 10,000 domains
	TLS      tlspolicy.Policy  // versions and suites; the zero value is Intermediate
	Roots    *x509.CertPool    // public authorities; if nil, those of the system
	HTTP     http.RoundTripper // fetches MTA-STS policies; if nil, directly, with TLS and Roots
	Reports  *Reports          // counts; if nil, nothing is counted

	now func() time.Time // nil: time.Now

	mu     sync.Mutex // guards the following
	own    Memory
	pauses map[string]time.Time // until when no policy is fetched for a domain
}

const (
	ownMemory = 10_000
	maxHosts  = 20 // servers of a domain that are tried
	maxAddrs  = 20 // addresses of a server
)

func (p *Policies) time() time.Time {
	if p.now != nil {
		return p.now()
	}
	return time.Now()
}

func (p *Policies) memory() Memory {
	if p.Memory != nil {
		return p.Memory
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own == nil {
		p.own = NewMemory(ownMemory)
	}
	return p.own
}

// Destination is where the mail of a domain goes.
type Destination struct {
	Domain string
	Hosts  []*Host // at least one, in the order in which to try them
}

// Host is a server of a domain.
type Host struct {
	Name      string       // as the MX record or the domain has it; the name to expect in a certificate of an authority
	Addresses []netip.Addr // at least one
	Level     Level        // what must hold, with the sender's wish taken into account

	policies *Policies
	wish     Wish
	domain   string
	policy   policyKey     // by which it is reported
	wanted   Level         // what the domain has published
	floor    Level         // what of that holds also if an MTA-STS policy is there for testing only
	testing  bool          // MTA-STS decides, and its policy is there for testing only
	records  []association // TLSA
	base     string        // whose TLSA records they are, and the name to ask the server for
	names    []string      // that a certificate may have under DANE-TA
}

// Destination finds out where the mail of a domain goes, and what must hold there. domain is lower case, in ASCII, without a dot at the end. The error is a
// [*Failure]: no server may have the message now, or (Failure.Permanent) ever.
func (p *Policies) Destination(ctx context.Context, domain string, wish Wish) (*Destination, error) {
	if !isPattern(domain) || domain != plain(domain) {
		return nil, &Failure{Type: ValidationFailure, Domain: domain, Permanent: true, Status: statusBadDomain, Err: fmt.Errorf("%q is no name of a domain in ASCII and lower case", domain)}
	}
	names, secure, err := p.exchangers(ctx, domain)
	if err != nil {
		return nil, err
	}
	policy, failure := p.policyOf(ctx, domain)
	if failure != nil {
		p.count(policyKey{Type: policySTS, Domain: domain}, Outcome{}, failure)
	}
	if policy != nil && policy.Mode == None {
		policy = nil
	}
	if wish == RequireTLS && !secure && policy == nil {
		return nil, &Failure{Type: ValidationFailure, Domain: domain, Permanent: true, Status: statusNoTLS,
			Err: errors.New("the message requires TLS, and neither DNSSEC nor MTA-STS tells which servers are those of the domain (RFC 8689, section 4.2.1)")}
	}
	d := &Destination{Domain: domain}
	var failures []error
	for _, name := range names {
		h, err := p.host(ctx, domain, name, secure, policy, wish)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		d.Hosts = append(d.Hosts, h)
	}
	if len(d.Hosts) == 0 {
		return nil, allFailed(domain, wish, failures)
	}
	return d, nil
}

// exchangers returns the names of a domain's servers in order, and whether DNSSEC vouches for them (RFC 5321, section 5.1; RFC 7672, section 2.2.1).
func (p *Policies) exchangers(ctx context.Context, domain string) (names []string, secure bool, err error) {
	a, err := p.Resolver.Lookup(ctx, domain, dns.TypeMX)
	if err != nil {
		return nil, false, p.dnsFailure(domain, "", policyKey{Type: policyNone, Domain: domain}, err)
	}
	if a.NoName {
		return nil, false, &Failure{Type: ValidationFailure, Domain: domain, Permanent: true, Status: statusBadDomain, Err: errors.New("there is no such domain")}
	}
	var records []*dns.MX
	for _, r := range a.Records {
		if mx, ok := r.(*dns.MX); ok {
			records = append(records, mx)
		}
	}
	if len(records) == 0 { // the domain itself is the server
		return []string{plain(a.Name)}, a.Secure, nil
	}
	if len(records) == 1 && records[0].Mx == "." { // RFC 7505
		return nil, false, &Failure{Type: ValidationFailure, Domain: domain, Permanent: true, Status: statusNullMX, Err: errors.New("the domain takes no mail")}
	}
	rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	slices.SortStableFunc(records, func(a, b *dns.MX) int { return cmp.Compare(a.Preference, b.Preference) })
	for _, mx := range records[:min(len(records), maxHosts)] {
		if name := plain(mx.Mx); isPattern(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, a.Secure, nil
}

// host finds out what must hold for one server.
func (p *Policies) host(ctx context.Context, domain, name string, secureMX bool, policy *STSPolicy, wish Wish) (*Host, error) {
	h := &Host{Name: name, policies: p, wish: wish, domain: domain, base: name, policy: policyKey{Type: policyNone, Domain: domain}}
	if policy != nil {
		h.policy = stsKey(domain, *policy)
		h.wanted, h.testing = Authority, policy.Mode == Testing
	}
	if policy != nil && !policy.Matches(name) {
		f := h.failure(ValidationFailure, errors.New("the MTA-STS policy does not name this server"))
		f.Reason = "mx-mismatch"
		p.count(h.policy, Outcome{}, f)
		if wish == RequireTLS && !secureMX || !h.testing && wish != Optional {
			return nil, f
		}
	}
	bases, err := h.addresses(ctx)
	if err != nil {
		return nil, err
	}
	if secureMX {
		if err := h.findTLSA(ctx, domain, bases); err != nil && wish != Optional {
			return nil, err
		}
	}
	switch {
	case wish == Optional:
		h.Level = Opportunistic
	case wish == RequireTLS:
		h.Level = max(h.wanted, Authority)
	case h.testing:
		h.Level = h.floor
	default:
		h.Level = h.wanted
	}
	return h, nil
}

// addresses looks the server's addresses up. bases are the names whose TLSA records count, the first first: none if DNSSEC does not vouch for the name
// (RFC 7672, section 2.2.2).
func (h *Host) addresses(ctx context.Context) (bases []string, err error) {
	secure := true
	final := canonical(h.Name)
	var problem error
	for _, kind := range []uint16{dns.TypeAAAA, dns.TypeA} {
		a, err := h.policies.Resolver.Lookup(ctx, h.Name, kind)
		if errors.Is(err, ErrBogus) {
			return nil, h.policies.dnsFailure(h.domain, h.Name, h.policy, err)
		}
		if err != nil {
			problem = err
			continue
		}
		secure, final = secure && a.Secure, a.Name
		for _, r := range a.Records[:min(len(a.Records), maxAddrs)] {
			var ip netip.Addr
			switch r := r.(type) {
			case *dns.A:
				ip, _ = netip.AddrFromSlice(r.A.To4())
			case *dns.AAAA:
				ip, _ = netip.AddrFromSlice(r.AAAA)
			}
			if ip.IsValid() {
				h.Addresses = append(h.Addresses, ip)
			}
		}
	}
	switch {
	case len(h.Addresses) == 0 && problem != nil:
		return nil, h.policies.dnsFailure(h.domain, h.Name, h.policy, problem)
	case len(h.Addresses) == 0:
		return nil, h.failure(ValidationFailure, errors.New("the server has no address"))
	case secure && final != canonical(h.Name):
		return []string{plain(final), h.Name}, nil
	case secure:
		return []string{h.Name}, nil
	case final == canonical(h.Name):
		return nil, nil
	}
	// The name is an alias, secure perhaps, of one that is not.
	a, err := h.policies.Resolver.Lookup(ctx, h.Name, dns.TypeCNAME)
	if err != nil {
		return nil, h.policies.dnsFailure(h.domain, h.Name, h.policy, err)
	}
	if a.Secure {
		return []string{h.Name}, nil
	}
	return nil, nil
}

// findTLSA looks for the server's TLSA records. A failure to look keeps the server from being used (RFC 7672, section 2.1.2).
func (h *Host) findTLSA(ctx context.Context, domain string, bases []string) error {
	for _, base := range bases {
		a, err := h.policies.Resolver.Lookup(ctx, "_25._tcp."+base, dns.TypeTLSA)
		if err != nil {
			return h.policies.dnsFailure(h.domain, h.Name, policyKey{Type: policyTLSA, Domain: base}, err)
		}
		if !a.Secure || len(a.Records) == 0 {
			continue
		}
		records := usable(a)
		if len(records) == 0 {
			h.policies.count(tlsaKey(base, a), Outcome{}, h.failure(TLSAInvalid, errors.New("none of the TLSA records can be used")))
			h.floor, h.wanted = Encrypted, max(Encrypted, h.wanted)
			return nil
		}
		h.base, h.records, h.policy = base, records, tlsaKey(base, a)
		h.wanted, h.testing = DANE, false
		h.names = slices.Compact([]string{base, h.Name, domain}) // RFC 7672, section 3.2.2
		return nil
	}
	return nil
}
