package audit

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

const mailName = "mail.example.org"

// authority is a root and an intermediate, as authorities have them.
type authority struct{ root, between *testca.Issued }

func newAuthority(t testing.TB) authority {
	t.Helper()
	called := func(name string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			testca.Authority(name)(c)
			c.NotBefore, c.NotAfter = time.Now().AddDate(-1, 0, 0), time.Now().AddDate(1, 0, 0)
		}
	}
	root := testca.Issue(t, nil, testca.ECDSA(t), called("Test Root"))
	return authority{root, testca.Issue(t, root, testca.ECDSA(t), called("Test Intermediate"))}
}

// rsaKey is made once: that takes long.
var rsaKey = sync.OnceValue(func() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// leaf issues a certificate for an RSA key.
func (a authority) leaf(t testing.TB, edit func(*x509.Certificate)) *testca.Issued {
	t.Helper()
	return a.issue(t, rsaKey(), edit)
}

// issue issues a certificate for 90 days, as public authorities do.
func (a authority) issue(t testing.TB, key crypto.Signer, edit func(*x509.Certificate)) *testca.Issued {
	t.Helper()
	return testca.Issue(t, a.between, key, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().AddDate(0, 0, 90)
		c.CRLDistributionPoints = []string{"http://crl.example.org/1"}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
		c.Subject.CommonName = mailName
		if edit != nil {
			edit(c)
		}
	})
}

// policy is the configuration of a sound server.
func (a authority) policy(t testing.TB) *tls.Config {
	t.Helper()
	c, err := tlspolicy.Intermediate.Server(a.leaf(t, nil).Pair(a.between))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve accepts connections and hands each to handle, up to the end of the test.
func serve(t testing.TB, handle func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				handle(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// speaksTLS serves what says nothing inside TLS.
func speaksTLS(config *tls.Config) func(net.Conn) {
	return func(conn net.Conn) { io.Copy(io.Discard, tls.Server(conn, config)) }
}

// lines is how a small server of a protocol with STARTTLS talks: what it says at
// first (again inside TLS, if again), and what it answers by the first words of a line.
type lines struct {
	greeting string
	again    bool
	answers  map[string]string // the tag of IMAP stands for %s
	start    string            // the line that begins TLS
	end      string            // the one that ends the session
}

var talks = map[Protocol]lines{
	SMTP: {greeting: "220 mx.example.org ESMTP", start: "STARTTLS", end: "QUIT",
		answers: map[string]string{"EHLO": "250-mx.example.org\r\n250 STARTTLS", "STARTTLS": "220 go", "NOOP": "250 noop", "QUIT": "221 bye"}},
	LMTP: {greeting: "220 mx.example.org LMTP", start: "STARTTLS", end: "QUIT",
		answers: map[string]string{"LHLO": "250-mx.example.org\r\n250 STARTTLS", "STARTTLS": "220 go", "NOOP": "250 noop", "QUIT": "221 bye"}},
	POP3: {greeting: "+OK ready", start: "STLS", end: "QUIT",
		answers: map[string]string{"CAPA": "+OK\r\nSTLS\r\nUIDL\r\n.", "STLS": "+OK go", "NOOP": "+OK", "QUIT": "+OK bye"}},
	IMAP: {greeting: "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready", start: "STARTTLS", end: "LOGOUT",
		answers: map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n%s OK", "STARTTLS": "%s OK go", "NOOP": "%s OK noop", "LOGOUT": "* BYE\r\n%s OK"}},
	ManageSieve: {greeting: "\"IMPLEMENTATION\" \"test\"\r\n\"STARTTLS\"\r\nOK", again: true, start: "STARTTLS", end: "LOGOUT",
		answers: map[string]string{"STARTTLS": "OK", "NOOP": "OK (TAG \"injected\")", "LOGOUT": "OK"}},
}

// startsTLS serves a protocol with STARTTLS. If it injects, what came with STARTTLS is a command inside TLS.
func startsTLS(p Protocol, config *tls.Config, injects bool) func(net.Conn) {
	l := talks[p]
	return func(conn net.Conn) {
		in := bufio.NewReader(conn)
		fmt.Fprintf(conn, "%s\r\n", l.greeting)
		if !l.talk(conn, in, l.start) {
			return
		}
		var left io.Reader = bytes.NewReader(nil)
		if injects {
			rest, _ := in.Peek(in.Buffered())
			left = bytes.NewReader(rest)
		}
		client := tls.Server(conn, config)
		defer client.Close()
		if client.Handshake() != nil {
			return
		}
		if l.again {
			fmt.Fprintf(client, "%s\r\n", l.greeting)
		}
		l.talk(client, bufio.NewReader(io.MultiReader(left, client)), l.end)
	}
}

// talk answers lines up to one with a certain command, and tells whether that came.
func (l lines) talk(out io.Writer, in *bufio.Reader, until string) bool {
	for r := textproto.NewReader(in); ; {
		line, err := r.ReadLine()
		if err != nil {
			return false
		}
		tag, command, tagged := strings.Cut(line, " ")
		if !tagged || !strings.Contains(l.answers[l.end], "%s") {
			tag, command = "", line
		}
		word, _, _ := strings.Cut(command, " ")
		word = strings.ToUpper(word)
		answer, ok := l.answers[word]
		if !ok {
			answer = "-ERR 500 unknown"
		}
		io.WriteString(out, strings.ReplaceAll(answer, "%s", tag)+"\r\n")
		if word == until {
			return true
		}
	}
}

// brokenServer has one thing wrong, and what follows from it.
type brokenServer struct {
	name     string
	protocol Protocol
	change   func(t testing.TB, a authority, c *tls.Config) // makes a sound server so; may be nil
	injects  bool                                           // see startsTLS
	finds    []string                                       // IDs of what is to be found above Info
	grade    string
}

func (b brokenServer) handle(t testing.TB, a authority) func(net.Conn) {
	t.Helper()
	config := a.policy(t)
	if b.change != nil {
		b.change(t, a, config)
	}
	if b.protocol != TLS {
		return startsTLS(b.protocol, config, b.injects)
	}
	return speaksTLS(config)
}

var broken = []brokenServer{
	{name: "tls10", protocol: TLS, finds: []string{"tls10", "tls11", "cbc", "cbc-tls10"}, grade: "B",
		change: func(_ testing.TB, _ authority, c *tls.Config) {
			c.MinVersion = tls.VersionTLS10
			c.CipherSuites = append(c.CipherSuites, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA)
		}},
	{name: "rc4-3des", protocol: TLS, finds: []string{"rc4", "rc4-modern", "block64", "cbc"}, grade: "C",
		change: func(_ testing.TB, _ authority, c *tls.Config) {
			c.CipherSuites = append(c.CipherSuites, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA)
		}},
	{name: "static-rsa", protocol: TLS, finds: []string{"static-key"}, grade: "A",
		change: func(_ testing.TB, _ authority, c *tls.Config) {
			c.CipherSuites = append(c.CipherSuites, tls.TLS_RSA_WITH_AES_128_GCM_SHA256)
		}},
	{name: "expired", protocol: TLS, finds: []string{"expired"}, grade: "T",
		change: func(t testing.TB, a authority, c *tls.Config) {
			c.Certificates = []tls.Certificate{a.leaf(t, func(x *x509.Certificate) {
				x.NotBefore, x.NotAfter = time.Now().AddDate(0, 0, -90), time.Now().AddDate(0, 0, -1)
			}).Pair(a.between)}
		}},
	{name: "wrong-name", protocol: TLS, finds: []string{"wrong-name"}, grade: "M",
		change: func(t testing.TB, a authority, c *tls.Config) {
			c.Certificates = []tls.Certificate{a.leaf(t, func(x *x509.Certificate) {
				x.DNSNames, x.Subject.CommonName = []string{"www.example.net"}, "www.example.net"
			}).Pair(a.between)}
		}},
	{name: "incomplete-chain", protocol: TLS, finds: []string{"incomplete-chain"}, grade: "T",
		change: func(t testing.TB, a authority, c *tls.Config) {
			c.Certificates = []tls.Certificate{a.leaf(t, nil).Pair()}
		}},
	{name: "long-tickets", protocol: TLS, finds: []string{"ticket-life"}, grade: "A",
		change: func(_ testing.TB, _ authority, c *tls.Config) { c.SessionTicketsDisabled = false }},
	{name: "starttls-injection", protocol: SMTP, injects: true, finds: []string{"starttls-injection"}, grade: "F"},
	{name: "no-forward-secrecy", protocol: TLS, finds: []string{"no-forward-secrecy", "no-tls13", "static-key"}, grade: "B",
		change: func(_ testing.TB, _ authority, c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384}
		}},
}
