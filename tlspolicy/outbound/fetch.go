package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Remembered is an MTA-STS policy as a [Memory] keeps it.
type Remembered struct {
	ID      string // of the TXT record under which it was fetched
	Policy  STSPolicy
	Expires time.Time // then it counts no more
}

// Memory keeps MTA-STS policies by domain. The longer it lasts, the less an attacker gains who keeps the policy from being seen: a host should have one that
// outlives restarts. Methods are called by many goroutines.
type Memory interface {
	Load(domain string) (Remembered, bool)
	Store(domain string, r Remembered)
}

// NewMemory returns a memory of this process for so many domains. When it is full, what expires first is forgotten.
func NewMemory(domains int) Memory { return &memory{max: domains, byDomain: map[string]Remembered{}} }

type memory struct {
	max      int
	mu       sync.Mutex // guards the following
	byDomain map[string]Remembered
}

func (m *memory) Load(domain string) (Remembered, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.byDomain[domain]
	return r, ok
}

func (m *memory) Store(domain string, r Remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.byDomain[domain]; !known && len(m.byDomain) >= m.max {
		first := ""
		for d, other := range m.byDomain {
			if first == "" || other.Expires.Before(m.byDomain[first].Expires) {
				first = d
			}
		}
		delete(m.byDomain, first)
	}
	m.byDomain[domain] = r
}

const (
	fetchTimeout = time.Minute     // RFC 8461, section 3.3
	fetchPause   = 5 * time.Minute // between tries that fail
	maxPauses    = 10_000
)

// policyOf returns the MTA-STS policy of a domain, nil if it has none. A failure to get it is for the report: an older one that is remembered counts on, and
// without one, there is none (RFC 8461, section 5).
func (p *Policies) policyOf(ctx context.Context, domain string) (policy *STSPolicy, failure *Failure) {
	now := p.time()
	known, ok := p.memory().Load(domain)
	if ok && now.Before(known.Expires) {
		policy = &known.Policy
	}
	a, err := p.Resolver.Lookup(ctx, "_mta-sts."+domain, dns.TypeTXT)
	if err != nil {
		return policy, nil // nobody knows whether there is one
	}
	id := stsID(texts(a))
	if id == "" || policy != nil && id == known.ID || p.paused(domain, now) {
		return policy, nil
	}
	fresh, failure := p.fetch(ctx, domain)
	if failure != nil {
		p.pause(domain, now)
		return policy, failure
	}
	p.memory().Store(domain, Remembered{ID: id, Policy: fresh, Expires: now.Add(fresh.MaxAge)})
	return &fresh, nil
}

// fetch gets a policy from its server.
func (p *Policies) fetch(ctx context.Context, domain string) (STSPolicy, *Failure) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	text, err := p.get(ctx, "https://mta-sts."+domain+"/.well-known/mta-sts.txt")
	if err != nil {
		kind := STSPolicyFetchError
		if certificateResult(err) != ValidationFailure {
			kind = STSWebPKIInvalid
		}
		return STSPolicy{}, &Failure{Type: kind, Err: fmt.Errorf("the MTA-STS policy of %s cannot be fetched: %w", domain, err)}
	}
	policy, err := ParseSTSPolicy(text)
	if err != nil {
		return STSPolicy{}, &Failure{Type: STSPolicyInvalid, Err: fmt.Errorf("the MTA-STS policy of %s: %w", domain, err)}
	}
	return policy, nil
}

// get follows no redirection (RFC 8461, section 3.3).
func (p *Policies) get(ctx context.Context, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	transport, err := p.transport(r.URL.Hostname())
	if err != nil {
		return "", err
	}
	if own, ok := transport.(*http.Transport); ok && p.HTTP == nil {
		defer own.CloseIdleConnections()
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", errors.New("the server answers " + answer.Status)
	}
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind != "text/plain" {
		return "", fmt.Errorf("it is of type %q, not text/plain", kind)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxPolicy+1))
	return string(data), err
}

func (p *Policies) transport(host string) (http.RoundTripper, error) {
	if p.HTTP != nil {
		return p.HTTP, nil
	}
	config, err := p.TLS.Client(host)
	if err != nil {
		return nil, err
	}
	config.RootCAs = p.Roots
	return &http.Transport{TLSClientConfig: config}, nil
}

func (p *Policies) paused(domain string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, ok := p.pauses[domain]
	return ok && now.Before(until)
}

func (p *Policies) pause(domain string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pauses == nil || len(p.pauses) >= maxPauses {
		p.pauses = map[string]time.Time{}
	}
	p.pauses[domain] = now.Add(fetchPause)
}
