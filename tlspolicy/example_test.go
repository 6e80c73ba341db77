package tlspolicy_test

import (
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
