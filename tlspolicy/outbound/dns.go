package outbound

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Resolver asks DNS. Its methods are called by many goroutines.
type Resolver interface {
	// Lookup returns the records of a name and type. That there are none, or no such name, is an answer, not an error. The error is [ErrBogus] if the
	// answer is one that DNSSEC proves to be wrong; any other is a failure that may pass.
	Lookup(ctx context.Context, name string, kind uint16) (Answer, error)
}

// Answer is what DNS says.
type Answer struct {
	Name    string   // whose the records are: the name asked for, or what it is an alias of; lower case, with a dot at the end
	Records []dns.RR // of the type asked for
	Secure  bool     // validated by DNSSEC, aliases included
	NoName  bool     // there is no such name (NXDOMAIN)
}

// ErrBogus says that an answer should have a valid signature and has not.
var ErrBogus = errors.New("the answer is not signed as DNSSEC says it must be (bogus)")

// DNS asks a resolver that validates DNSSEC. The zero value is not valid.
type DNS struct {
	// Server is the host and port of the resolver. It must be reached over a way that nobody can change, on this machine usually, because its AD bit is
	// believed (RFC 7672, section 2.1.1).
	Server string
	// Timeout is for one question. If zero, 10 seconds.
	Timeout time.Duration
}

const (
	defaultDNSTimeout = 10 * time.Second
	maxAliases        = 16
	datagram          = 1232 // bytes, that no network breaks up
)

// Lookup implements [Resolver].
func (d DNS) Lookup(ctx context.Context, name string, kind uint16) (Answer, error) {
	m, err := d.ask(ctx, name, kind, false)
	if err == nil && m.Rcode == dns.RcodeServerFailure {
		// A resolver that validates answers so for what is bogus, too. Then the answer is there when it does not validate.
		if unchecked, uncheckedErr := d.ask(ctx, name, kind, true); uncheckedErr == nil && unchecked.Rcode != dns.RcodeServerFailure {
			return Answer{}, fmt.Errorf("%s %s: %w", name, dns.TypeToString[kind], ErrBogus)
		}
	}
	if err == nil && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		err = errors.New("the resolver answers " + dns.RcodeToString[m.Rcode])
	}
	if err != nil {
		return Answer{}, fmt.Errorf("%s %s: %w", name, dns.TypeToString[kind], err)
	}
	return answerOf(m, name, kind), nil
}

// answerOf takes from a message the records that belong to the name, through its aliases.
func answerOf(m *dns.Msg, name string, kind uint16) Answer {
	a := Answer{Name: canonical(name), Secure: m.AuthenticatedData, NoName: m.Rcode == dns.RcodeNameError}
	for range maxAliases {
		next := ""
		for _, r := range m.Answer {
			if alias, ok := r.(*dns.CNAME); ok && kind != dns.TypeCNAME && canonical(alias.Hdr.Name) == a.Name {
				next = canonical(alias.Target)
			}
		}
		if next == "" {
			break
		}
		a.Name = next
	}
	for _, r := range m.Answer {
		if r.Header().Rrtype == kind && canonical(r.Header().Name) == a.Name {
			a.Records = append(a.Records, r)
		}
	}
	return a
}

func (d DNS) ask(ctx context.Context, name string, kind uint16, unchecked bool) (*dns.Msg, error) {
	timeout := d.Timeout
	if timeout == 0 {
		timeout = defaultDNSTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	question := new(dns.Msg).SetQuestion(canonical(name), kind)
	question.SetEdns0(datagram, true)
	question.AuthenticatedData, question.CheckingDisabled = true, unchecked
	client := &dns.Client{Timeout: timeout}
	m, _, err := client.ExchangeContext(ctx, question, d.Server)
	if err == nil && m.Truncated {
		client.Net = "tcp"
		m, _, err = client.ExchangeContext(ctx, question, d.Server)
	}
	return m, err
}

// canonical is a name as answers have it: lower case, with a dot at the end.
func canonical(name string) string { return dns.Fqdn(strings.ToLower(name)) }

// plain is a name as people and certificates have it.
func plain(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// texts returns the TXT records of a name, each as one string.
func texts(a Answer) (all []string) {
	for _, r := range a.Records {
		if t, ok := r.(*dns.TXT); ok {
			all = append(all, strings.Join(t.Txt, ""))
		}
	}
	return all
}
