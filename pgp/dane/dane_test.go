package dane_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/dane"
)

// The example of RFC 7929, section 3.
func TestName(t *testing.T) {
	const want = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._openpgpkey.example.com."
	if got := dane.Name("hugh@example.com"); got != want {
		t.Errorf("%s", got)
	}
	if got := dane.Name("nobody"); got != "" {
		t.Errorf("%s", got)
	}
}

func TestLookup(t *testing.T) {
	anna, err := pgp.Generate(pgp.NewKey{Email: "anna@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	line, err := dane.Record("anna@example.org", anna, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	record, err := dns.NewRR(line)
	if err != nil {
		t.Fatal(err)
	}
	var insecure atomic.Bool
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		m.AuthenticatedData = !insecure.Load()
		if r.Question[0].Name == record.Header().Name {
			m.Answer = append(m.Answer, record)
		} else {
			m.Rcode = dns.RcodeNameError
		}
		w.WriteMsg(m)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	client := dane.Client{Resolver: listener.Addr().String()}
	ctx := context.Background()
	if keys, err := client.Lookup(ctx, "anna@Example.org"); err != nil || len(keys) != 1 || keys[0].Fingerprint() != anna.Fingerprint() || keys[0].Private() {
		t.Errorf("%v, %v", keys, err)
	}
	if _, err := client.Lookup(ctx, "bob@example.org"); !errors.Is(err, dane.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	insecure.Store(true)
	if _, err := client.Lookup(ctx, "anna@example.org"); !errors.Is(err, dane.ErrInsecure) {
		t.Errorf("without DNSSEC: %v", err)
	}
	if _, err := dane.Record("bob@example.org", anna, time.Now()); err == nil {
		t.Error("a record for another address")
	}
}
