package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// resolver is a validating resolver on loopback, by UDP and TCP at the same port. It answers by the first label of the name asked for.
func resolver(t *testing.T) string {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	streams, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		name := q.Question[0].Name
		_, tcp := w.RemoteAddr().(*net.TCPAddr)
		add := func(format string, args ...any) {
			r, err := dns.NewRR(fmt.Sprintf(format, args...))
			if err != nil {
				t.Error(err)
			}
			m.Answer = append(m.Answer, r)
		}
		if q.IsEdns0() == nil || !q.IsEdns0().Do() || !q.AuthenticatedData {
			m.Rcode = dns.RcodeFormatError
		}
		switch strings.Split(strings.ToLower(name), ".")[0] {
		case "secure":
			m.AuthenticatedData = true
			add("%s 60 IN A 192.0.2.1", name)
		case "insecure":
			add("%s 60 IN A 192.0.2.1", name)
		case "alias":
			m.AuthenticatedData = true
			add("%s 60 IN CNAME One.example.", name)
			add("one.example. 60 IN CNAME two.example.")
			add("two.example. 60 IN A 192.0.2.2")
			add("elsewhere.example. 60 IN A 192.0.2.66")
		case "loop":
			add("%s 60 IN CNAME %[1]s", name)
		case "none":
			m.Rcode, m.AuthenticatedData = dns.RcodeNameError, true
		case "bogus":
			if !q.CheckingDisabled {
				m.Rcode = dns.RcodeServerFailure
			}
		case "broken":
			m.Rcode = dns.RcodeServerFailure
		case "refused":
			m.Rcode = dns.RcodeRefused
		case "large":
			if m.Truncated = !tcp; tcp {
				for i := range 100 {
					add("%s 60 IN A 192.0.2.%d", name, i)
				}
			}
		}
		w.WriteMsg(m)
	})
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: streams, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe()
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	return packets.LocalAddr().String()
}

func TestDNS(t *testing.T) {
	d := DNS{Server: resolver(t)}
	for name, want := range map[string]string{
		"secure.example":   "secure.example. 1 records, secure",
		"Insecure.example": "insecure.example. 1 records",
		"alias.example":    "two.example. 1 records, secure",
		"loop.example":     "loop.example. 0 records",
		"none.example":     "none.example. 0 records, secure, no such name",
		"large.example":    "large.example. 100 records",
		"bogus.example":    "error: bogus.example A: " + ErrBogus.Error(),
		"broken.example":   "error: broken.example A: the resolver answers SERVFAIL",
		"refused.example":  "error: refused.example A: the resolver answers REFUSED",
	} {
		a, err := d.Lookup(t.Context(), name, dns.TypeA)
		got := fmt.Sprintf("%s %d records", a.Name, len(a.Records))
		if a.Secure {
			got += ", secure"
		}
		if a.NoName {
			got += ", no such name"
		}
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
		if errors.Is(err, ErrBogus) != (name == "bogus.example") {
			t.Error(name, err)
		}
	}
	if a, err := d.Lookup(t.Context(), "alias.example", dns.TypeCNAME); err != nil || a.Name != "alias.example." || len(a.Records) != 1 {
		t.Error(a, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (DNS{Server: d.Server, Timeout: time.Minute}).Lookup(ctx, "secure.example", dns.TypeA); err == nil {
		t.Error("asked although told not to")
	}
}
