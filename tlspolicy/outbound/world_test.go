package outbound

import (
	"bufio"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

// zone is a Resolver of records by "NAME TYPE". What it does not have is not there.
type zone map[string]Answer

func (z zone) Lookup(_ context.Context, name string, kind uint16) (Answer, error) {
	key := plain(name) + " " + dns.TypeToString[kind]
	a, ok := z[key]
	if !ok {
		a.Secure = z["secure"].Secure
	}
	if a.Name == "bogus" || a.Name == "down" {
		return Answer{}, map[string]error{"bogus": ErrBogus, "down": errors.New("timeout")}[a.Name]
	}
	if a.Name == "" {
		a.Name = canonical(name)
	}
	return a, nil
}

// put adds records to the zone, in the form of zone files, without the name.
func (z zone) put(t testing.TB, name, kind string, secure bool, records ...string) {
	t.Helper()
	a := Answer{Secure: secure}
	for _, text := range records {
		r, err := dns.NewRR(name + ". 60 IN " + kind + " " + text)
		if err != nil {
			t.Fatal(err)
		}
		a.Records = append(a.Records, r)
	}
	z[name+" "+kind] = a
}

// web serves one MTA-STS policy, or nothing.
type web struct {
	policy string
	status int
	kind   string
	err    error
	asked  []string
}

func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.asked = append(w.asked, r.URL.String())
	if w.err != nil {
		return nil, w.err
	}
	answer := &http.Response{StatusCode: w.status, Status: fmt.Sprint(w.status), Header: http.Header{"Content-Type": {w.kind}}, Request: r}
	if answer.StatusCode == 0 {
		answer.StatusCode = http.StatusOK
	}
	if w.kind == "" {
		answer.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	answer.Body = http.NoBody
	if w.policy != "" {
		answer.Body = readCloser{strings.NewReader(w.policy)}
	}
	return answer, nil
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// pki are the certificates of the mail server mx.example.org: with the right name, and wrong in several ways, most for one key.
type pki struct {
	ca, other, good, wrong, expired, stranger *testca.Issued
	key                                       crypto.Signer
}

func newPKI(t testing.TB) *pki {
	p := &pki{key: testca.ECDSA(t)}
	p.ca = testca.Issue(t, nil, testca.ECDSA(t), testca.Authority("CA"))
	p.other = testca.Issue(t, nil, testca.ECDSA(t), testca.Authority("other CA"))
	p.good = testca.Issue(t, p.ca, p.key, testca.Names("mx.example.org"))
	p.wrong = testca.Issue(t, p.ca, p.key, testca.Names("www.example.net"))
	p.expired = testca.Issue(t, p.ca, p.key, func(c *x509.Certificate) {
		c.DNSNames, c.NotBefore, c.NotAfter = []string{"mx.example.org"}, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	})
	p.stranger = testca.Issue(t, p.other, testca.ECDSA(t), testca.Names("mx.example.org"))
	return p
}

// server is a mail server as far as STARTTLS goes.
type server struct {
	cert       *tls.Certificate // nil: no STARTTLS
	broken     bool             // says STARTTLS, and something else than TLS then
	requireTLS bool
}

// meet connects to a server as a mail transfer agent does, and has the host judge what it met. When the verdict is Send, a message goes over that connection; got
// says what the server received, and whether by TLS.
func (s server) meet(t testing.TB, h *Host) (v Verdict, got string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	received := make(chan string, 1)
	go s.serve(l, received)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { conn.Close() }()
	in := bufio.NewReader(conn)
	say := func(line string) (answer string) {
		fmt.Fprintf(conn, "%s\r\n", line)
		answer, _ = in.ReadString('\n')
		return answer
	}
	in.ReadString('\n')
	o := Outcome{HELO: "mx.example.org", STARTTLS: strings.Contains(say("EHLO client"), "STARTTLS")}
	if o.STARTTLS {
		say("STARTTLS")
		config, err := h.TLS()
		if err != nil {
			t.Fatal(err)
		}
		secure := tls.Client(conn, config)
		if o.Err = secure.Handshake(); o.Err == nil {
			state := secure.ConnectionState()
			o.State, conn, in = &state, secure, bufio.NewReader(secure)
			o.RequireTLS = strings.Contains(say("EHLO client"), "REQUIRETLS")
		}
	}
	if v = h.Judge(o); v.Action == Send {
		fmt.Fprint(conn, "DATA\r\n")
	}
	conn.Close()
	return v, <-received
}

func (s server) serve(l net.Listener, received chan<- string) {
	got := ""
	defer func() { received <- got }()
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer func() { conn.Close() }()
	how := "in clear"
	in := bufio.NewReader(conn)
	fmt.Fprint(conn, "220 mx\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch strings.TrimSpace(line) {
		case "EHLO client":
			extensions := ""
			if s.cert != nil && how == "in clear" || s.broken {
				extensions += " STARTTLS"
			}
			if s.requireTLS {
				extensions += " REQUIRETLS"
			}
			fmt.Fprintf(conn, "250 mx%s\r\n", extensions)
		case "STARTTLS":
			fmt.Fprint(conn, "220 go\r\n")
			if s.broken {
				fmt.Fprint(conn, "500 or rather not\r\n")
				return
			}
			secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*s.cert}})
			if secure.Handshake() != nil {
				return
			}
			conn, in, how = secure, bufio.NewReader(secure), "by TLS"
		case "DATA":
			got = how
		}
	}
}

func certificates(all []*testca.Issued) (chain []*x509.Certificate) {
	for _, i := range all {
		chain = append(chain, i.Cert)
	}
	return chain
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
