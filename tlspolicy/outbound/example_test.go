package outbound_test

import (
	"context"
	"fmt"

	"github.com/miekg/dns"

	"github.com/mailhavn/mailhavn/tlspolicy/outbound"
)

// How a mail transfer agent asks. It gives what it met at a server, and is told what to do.
func Example() {
	policies := &outbound.Policies{
		Resolver: records{}, // in earnest: outbound.DNS{Server: "127.0.0.1:53"}
		Reports:  &outbound.Reports{},
	}
	d, err := policies.Destination(context.Background(), "example.org", outbound.AsPublished)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, host := range d.Hosts {
		fmt.Println(host.Name, host.Level, host.Addresses)
		// Connect to one of the addresses. After STARTTLS, shake hands with host.TLS().
		verdict := host.Judge(outbound.Outcome{STARTTLS: false}) // an attacker has taken STARTTLS away
		fmt.Println(verdict.Action)
		fmt.Println(verdict.Failure)
	}
	// Output:
	// mx.example.org DANE [192.0.2.1]
	// skip
	// mail to example.org, server mx.example.org: starttls-not-supported: the server does not offer STARTTLS
}

// records stand for DNS: a domain with DANE.
type records struct{}

func (records) Lookup(_ context.Context, name string, kind uint16) (outbound.Answer, error) {
	a := outbound.Answer{Name: dns.Fqdn(name), Secure: true}
	text := map[string]string{
		"example.org MX":               "example.org. MX 10 mx.example.org.",
		"mx.example.org A":             "mx.example.org. A 192.0.2.1",
		"_25._tcp.mx.example.org TLSA": "_25._tcp.mx.example.org. TLSA 3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	}[name+" "+dns.TypeToString[kind]]
	if text == "" {
		return a, nil
	}
	r, err := dns.NewRR(text)
	a.Records = append(a.Records, r)
	return a, err
}
