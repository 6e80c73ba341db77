package tlspolicy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/mailhavn/mailhavn/tlspolicy"
)

// A server with the certificate that an ACME client keeps.
func Example() {
	cert, err := tlspolicy.Load("/etc/letsencrypt/live/mail/fullchain.pem", "/etc/letsencrypt/live/mail/privkey.pem")
	if err != nil {
		fmt.Println("no certificate:", err)
		return
	}
	config, err := tlspolicy.Intermediate.ALPN("imap").Server(cert)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := tls.Listen("tcp", ":993", config)
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	// Output: no certificate: /etc/letsencrypt/live/mail/fullchain.pem: there is no such file: file does not exist
}

// A certificate for a demonstration: made once, then reused.
func ExampleSelfSigned() {
	dir, err := os.MkdirTemp("", "tls")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	cert, err := tlspolicy.SelfSigned(dir, "mail.example.org")
	if err != nil {
		log.Fatal(err)
	}
	config, err := tlspolicy.Modern.Server(cert)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cert.Leaf.VerifyHostname("mail.example.org"), tls.VersionName(config.MinVersion))
	// Output: <nil> TLS 1.3
}

// A program may act on the kind of problem; a person reads the message.
func ExampleCertificateError() {
	_, err := tlspolicy.Load("cert.pem", "key.pem")
	var problem *tlspolicy.CertificateError
	if errors.As(err, &problem) && problem.Problem == tlspolicy.NoFile {
		fmt.Println("missing:", problem.File)
	}
	// Output: missing: cert.pem
}

// A client that reaches its server by TLS 1.3 only.
func ExamplePolicy_Client() {
	config, err := tlspolicy.Modern.Client("imap.example.org")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(config.ServerName, tls.VersionName(config.MinVersion))
	// Output: imap.example.org TLS 1.3
}

// What will a program with TLS 1.2 and RSA only get, and what one of today?
func ExamplePolicy_Predict() {
	old := tlspolicy.Offer{
		Versions:   []uint16{tls.VersionTLS12},
		Suites:     []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA},
		Groups:     []tls.CurveID{tls.CurveP256},
		Signatures: []tls.SignatureScheme{tls.PKCS1WithSHA256},
	}
	for _, policy := range []tlspolicy.Policy{tlspolicy.Intermediate, tlspolicy.Modern} {
		outcome, err := policy.Predict(old)
		if err != nil {
			fmt.Println(policy, "refuses it")
			continue
		}
		fmt.Println(policy, "gives", outcome)
	}
	// Output:
	// intermediate gives TLS 1.2, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, CurveP256
	// modern refuses it
}

// Sessions that can be resumed, for at most a day.
func ExamplePolicy_Resume() {
	tickets, err := tlspolicy.NewTickets(context.Background(), tlspolicy.TicketOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range tlspolicy.Intermediate.Resume(tickets).Explain() {
		if d.Topic == "session tickets" {
			fmt.Println(d.Value)
		}
	}
	// Output: on, keys live 24h0m0s
}

// A web server whose names only clients learn. The parameter goes into their HTTPS records.
func ExamplePolicy_Hide() {
	dir, err := os.MkdirTemp("", "ech")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	keys, err := tlspolicy.OpenECH(tlspolicy.ECHOptions{Dir: dir, PublicName: "public.example.org"})
	if err != nil {
		log.Fatal(err)
	}
	policy := tlspolicy.Intermediate.ALPN("h2", "http/1.1").Hide(keys) // then Server or ServerBy, with a certificate for the public name, too
	fmt.Println(policy, keys.DNS()[:6])
	// Output: intermediate ech=AE
}
