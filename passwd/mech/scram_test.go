package mech

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"

	"github.com/mailhavn/mailhavn/passwd/hash"
)

// verifier makes one of the password "pencil" with a given salt.
func verifier(name, salt string) hash.SCRAM {
	s := hash.SCRAM{Hash: name, Iterations: 4096}
	s.Salt, _ = base64.StdEncoding.DecodeString(salt)
	salted, _ := pbkdf2.Key(s.New, "pencil", s.Salt, 4096, s.New().Size())
	mac := func(text string) []byte {
		m := hmac.New(s.New, salted)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	h := s.New()
	h.Write(mac("Client Key"))
	s.StoredKey, s.ServerKey = h.Sum(nil), mac("Server Key")
	return s
}

func serverFor(v hash.SCRAM, o SCRAM) sasl.Server {
	o.Lookup = func(user string) ([]hash.SCRAM, error) {
		if user != "user" && user != "us=er," {
			return []hash.SCRAM{Fake(v.Hash, user, []byte("secret"), v.Iterations)}, nil
		}
		return []hash.SCRAM{v}, nil
	}
	o.Done = func(authzid, user string, _ int) error {
		if authzid != "" && authzid != user {
			return errWrong
		}
		return nil
	}
	return NewSCRAM(o)
}

// The exchanges of RFC 5802, section 5, and RFC 7677, section 3.
func TestRFCVectors(t *testing.T) {
	for _, v := range []struct{ hash, salt, client, server, first, proof, last string }{
		{"SHA-1", "QSXCR+Q6sek8bf92", "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096", "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
		{"SHA-256", "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	} {
		start := func() sasl.Server {
			return serverFor(verifier(v.hash, v.salt), SCRAM{nonce: func() string { return v.server }})
		}
		final := "c=biws,r=" + v.client + v.server + ",p=" + v.proof
		s := start()
		if c, _, err := talk(s, "n,,n=user,r="+v.client); c != v.first || err != nil {
			t.Errorf("%s: %s, %v", v.hash, c, err)
		}
		if c, done, err := talk(s, final); c != v.last || !done || err != nil {
			t.Errorf("%s: %s, %v, %v", v.hash, c, done, err)
		}
		// Everything that is not exactly this is refused.
		for i := range final {
			for _, b := range []byte{final[i] ^ 1, '=', ',', 0} {
				if b == final[i] {
					continue
				}
				changed := []byte(final)
				changed[i] = b
				if _, done, err := talk(start(), "n,,n=user,r="+v.client, string(changed)); done || err == nil {
					t.Errorf("%s: %q is accepted", v.hash, changed)
				}
			}
			if _, done, err := talk(start(), "n,,n=user,r="+v.client, final[:i]); done || err == nil {
				t.Errorf("%s: %q is accepted", v.hash, final[:i])
			}
		}
	}
}

// The header and other base64 of the same bytes (the class of CVE-2026-33603).
func TestMalformed(t *testing.T) {
	v := verifier("SHA-256", "W22ZaJ0SNY7soEsUEjb6gQ==")
	for _, first := range []string{
		"", "n", "n,", "n,,", "n,,n=user", "n,,r=x,n=user", "n,,n=,r=x", "n,,n=user,r=", "n,,n=us=er,r=x", "n,,n=us=2c,r=x", "n,,m=x,n=user,r=x", "x,,n=user,r=x",
		"y,,n=user,r=x", "n,user,n=user,r=x", "n,a=,n=user,r=x", "p=tls-exporter,,n=user,r=x", "n,,n=user,r=a b", "n,,n=user,r=ä", "N,,n=user,r=x", "n,,n=user,r=\x00",
	} {
		if c, done, err := talk(serverFor(v, SCRAM{OffersPlus: true}), first); err == nil || done {
			t.Errorf("%q is answered with %q", first, c)
		}
	}
	bindings := map[string][]byte{"tls-exporter": []byte("0123456789abcdef0123456789abcdef")}
	for _, first := range []string{"n,,n=user,r=x", "y,,n=user,r=x", "p=,,n=user,r=x", "p=tls-unique,,n=user,r=x", "p,,n=user,r=x"} {
		if c, _, err := talk(serverFor(v, SCRAM{Plus: true, Bindings: bindings}), first); !errors.Is(err, ErrMessage) {
			t.Errorf("%q is answered with %q, %v", first, c, err)
		}
	}
	if _, _, err := talk(serverFor(v, SCRAM{}), "y,,n=user,r=x"); err != nil {
		t.Errorf("a client that knows channel bindings, where there are none: %v", err)
	}
	good := "biws"
	for _, c := range []string{"biws=", "biw", "biwt", "biws\n", " biws", "biws,c=biws", "eSws", ""} {
		s := serverFor(v, SCRAM{nonce: func() string { return "y" }})
		if _, _, err := talk(s, "n,,n=user,r=x", "c="+c+",r=xy,p="+proof(v, "n=user,r=x", "xy", c)); c != good && err == nil {
			t.Errorf("c=%q is accepted", c)
		}
	}
	s := serverFor(v, SCRAM{nonce: func() string { return "y" }})
	if _, done, err := talk(s, "n,,n=us=3Der=2C,r=x", "c=biws,r=xy,p="+proof(v, "n=us=3Der=2C,r=x", "xy", good)); !done || err != nil {
		t.Errorf("an escaped name: %v", err)
	}
}

// proof computes what a client does that knows the password, but sends c.
func proof(v hash.SCRAM, first, nonce, c string) string {
	salted, _ := pbkdf2.Key(v.New, "pencil", v.Salt, v.Iterations, v.New().Size())
	mac := func(key []byte, text string) []byte {
		m := hmac.New(v.New, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	text := fmt.Sprintf("%s,r=%s,s=%s,i=%d,c=%s,r=%s", first, nonce, base64.StdEncoding.EncodeToString(v.Salt), v.Iterations, c, nonce)
	key := mac(salted, "Client Key")
	subtle.XORBytes(key, key, mac(v.StoredKey, text))
	return base64.StdEncoding.EncodeToString(key)
}

// tlsPair connects a client and a server by TLS.
func tlsPair(t *testing.T, version uint16, server tls.Certificate) (client, serverSide *tls.ConnectionState) {
	t.Helper()
	a, b := net.Pipe()
	c := tls.Client(a, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
	s := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{server}, MinVersion: version, MaxVersion: version})
	errs := make(chan error, 1)
	go func() { errs <- s.Handshake() }()
	if err := errors.Join(c.Handshake(), <-errs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	x, y := c.ConnectionState(), s.ConnectionState()
	return &x, &y
}

var generators = map[string]scram.HashGeneratorFcn{"SHA-1": scram.SHA1, "SHA-256": scram.SHA256, "SHA-512": scram.SHA512}

// converse lets xdg-go's client log in.
func converse(t *testing.T, name, password string, client *tls.ConnectionState, kind string, o SCRAM) error {
	t.Helper()
	c, err := generators[name].NewClientUnprepped("user", password, "")
	if err != nil {
		t.Fatal(err)
	}
	conversation := c.NewConversation()
	switch kind {
	case "tls-exporter":
		binding, err := scram.NewTLSExporterBinding(client)
		if err != nil {
			t.Fatal(err)
		}
		conversation = c.NewConversationWithChannelBinding(binding)
	case "tls-server-end-point":
		binding, err := scram.NewTLSServerEndpointBinding(client)
		if err != nil {
			t.Fatal(err)
		}
		conversation = c.NewConversationWithChannelBinding(binding)
	}
	server := serverFor(verifier(name, "QSXCR+Q6sek8bf92"), o)
	challenge := ""
	for {
		response, err := conversation.Step(challenge)
		if err != nil {
			return err
		}
		if conversation.Done() {
			if !conversation.Valid() {
				return errors.New("the client does not trust the server")
			}
			return nil
		}
		next, _, err := server.Next([]byte(response))
		if err != nil {
			return err
		}
		challenge = string(next)
	}
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// xdg-go's client logs in with every hash and channel binding, and not through somebody in the middle.
func TestPeerAndRelay(t *testing.T) {
	mine, theirs := certificate(t), certificate(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := tlsPair(t, version, mine)
		bindings := Bindings(server, mine.Leaf)
		if len(bindings) != 2 {
			t.Fatalf("bindings %v", bindings)
		}
		// Somebody in the middle has a connection to each, with a certificate of his own.
		victim, _ := tlsPair(t, version, theirs)
		for name := range generators {
			for _, kind := range []string{"", "tls-exporter", "tls-server-end-point"} {
				o := SCRAM{Plus: kind != "", OffersPlus: true, Bindings: bindings}
				if err := converse(t, name, "pencil", client, kind, o); err != nil {
					t.Errorf("%s %s: %v", name, kind, err)
				}
				if err := converse(t, name, "Pencil", client, kind, o); !errors.Is(err, ErrProof) {
					t.Errorf("%s %s, wrong password: %v", name, kind, err)
				}
				if err := converse(t, name, "pencil", victim, kind, o); kind != "" && !errors.Is(err, ErrMessage) {
					t.Errorf("%s %s, through a relay: %v", name, kind, err)
				}
			}
		}
	}
	if Bindings(nil, nil) != nil || Bindings(&tls.ConnectionState{}, mine.Leaf) != nil {
		t.Error("bindings without TLS")
	}
}

func TestFake(t *testing.T) {
	a, b := Fake("SHA-256", "anna", []byte("s"), 4096), Fake("SHA-256", "anna", []byte("s"), 4096)
	c, d := Fake("SHA-256", "bob", []byte("s"), 4096), Fake("SHA-256", "anna", []byte("t"), 4096)
	if !bytes.Equal(a.Salt, b.Salt) || bytes.Equal(a.Salt, c.Salt) || bytes.Equal(a.Salt, d.Salt) || len(a.Salt) != 16 || a.Match("") {
		t.Error("fake salts")
	}
	v := verifier("SHA-256", "W22ZaJ0SNY7soEsUEjb6gQ==")
	if _, done, err := talk(serverFor(v, SCRAM{nonce: func() string { return "y" }}), "n,,n=bob,r=x", "c=biws,r=xy,p="+proof(v, "n=bob,r=x", "xy", "biws")); done || !errors.Is(err, ErrProof) {
		t.Errorf("a user who is not there: %v", err)
	}
}

// What was stolen from the server, StoredKey and ServerKey, is of no use to a client.
func TestTheft(t *testing.T) {
	v := verifier("SHA-256", "W22ZaJ0SNY7soEsUEjb6gQ==")
	text := fmt.Sprintf("n=user,r=x,r=xy,s=%s,i=%d,c=biws,r=xy", base64.StdEncoding.EncodeToString(v.Salt), v.Iterations)
	for _, key := range [][]byte{v.StoredKey, v.ServerKey} {
		m := hmac.New(v.New, v.StoredKey)
		m.Write([]byte(text))
		proof := m.Sum(nil)
		subtle.XORBytes(proof, proof, key)
		s := serverFor(v, SCRAM{nonce: func() string { return "y" }})
		if _, done, err := talk(s, "n,,n=user,r=x", "c=biws,r=xy,p="+base64.StdEncoding.EncodeToString(proof)); done || !errors.Is(err, ErrProof) {
			t.Errorf("logged in with a stolen verifier: %v", err)
		}
	}
}

func FuzzSCRAM(f *testing.F) {
	f.Add("n,,n=user,r=x", "c=biws,r=xy,p=AAAA")
	f.Add("p=tls-exporter,a=user,n=us=2Cer,r=x,e=1", "c=,r=xy,x=y,p=")
	v := verifier("SHA-1", "QSXCR+Q6sek8bf92")
	f.Fuzz(func(t *testing.T, first, final string) {
		s := serverFor(v, SCRAM{nonce: func() string { return "y" }, Plus: strings.HasPrefix(first, "p="), Bindings: map[string][]byte{"tls-exporter": []byte("x")}})
		_, done, err := talk(s, first, final)
		if done == (err != nil) && done {
			t.Errorf("%q, %q: %v", first, final, err)
		}
		bare := first
		if i := strings.Index(first, "n="); i >= 0 {
			bare = first[i:]
		}
		if done && !slices.Contains([]string{"n=user,r=x"}, bare) && !strings.Contains(final, proof(v, bare, "xy", "biws")) {
			t.Errorf("%q, %q logged in", first, final)
		}
	})
}
