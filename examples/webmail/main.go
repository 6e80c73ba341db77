// Command webmail is a small web mail page with end-to-end encryption: it lists, reads, decrypts, verifies, writes, encrypts and signs mail. All that is private happens
// in the browser, with OpenPGP.js: the private key never leaves it, and this server sees of encrypted mail what the mail server sees. The server is a thin way
// from HTTP to IMAP and to a mail transfer agent.
//
// It is an example: read it, and take what you need.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "webmail:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to serve the page on; browsers need HTTPS for everything but localhost")
	cert := flag.String("cert", "", "PEM `file` with the certificate chain, for HTTPS")
	key := flag.String("key", "", "PEM `file` with its key")
	imap := flag.String("imap", "127.0.0.1:1993", "`address` of the IMAP server, with TLS")
	ca := flag.String("imap-ca", "", "PEM `file` with the certificate to trust for it, if it is not a public one")
	send := flag.String("send", "lmtp:127.0.0.1:2424", "where mail is sent: smtp:`HOST:PORT` or lmtp:HOST:PORT, which must trust this machine")
	modules := flag.String("modules", "node_modules", "`folder` that npm ci has made")
	flag.Parse()
	m, err := newMail(*imap, *ca, *send)
	if err != nil {
		return err
	}
	handler, err := newHandler(m, *modules)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: *listen, Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 5 * time.Minute, WriteTimeout: 5 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	slog.Info("ready", "address", l.Addr().String())
	if *cert != "" {
		return server.ServeTLS(l, *cert, *key)
	}
	return server.Serve(l)
}

// newMail finds out how to reach the mail servers.
func newMail(imap, ca, send string) (*mail, error) {
	host, _, err := net.SplitHostPort(imap)
	if err != nil {
		return nil, fmt.Errorf("--imap: %w", err)
	}
	config := &tls.Config{ServerName: host, NextProtos: []string{"imap"}}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--imap-ca: there is no certificate in %s", ca)
		}
	}
	m := &mail{dial: func() (*imapclient.Client, error) {
		return imapclient.DialTLS(imap, &imapclient.Options{TLSConfig: config})
	}}
	switch kind, addr, _ := strings.Cut(send, ":"); kind {
	case "smtp":
		m.agent = func() (*smtp.Client, error) { return smtp.Dial(addr) }
	case "lmtp":
		m.agent = func() (*smtp.Client, error) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				return nil, err
			}
			return smtp.NewClientLMTP(c), nil
		}
	default:
		return nil, errors.New("--send is smtp:HOST:PORT or lmtp:HOST:PORT")
	}
	return m, nil
}
