package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/acme"
	"github.com/mailhavn/mailhavn/tlspolicy/certs"
	"github.com/mailhavn/mailhavn/tlspolicy/lint"
)

// prepareTLS opens the certificates, which are followed when their files change, and gives each service its TLS.
func (s *server) prepareTLS() error {
	policy, err := s.settings.policy()
	if err != nil {
		return err
	}
	if s.settings.SessionTickets {
		if s.tickets, err = tlspolicy.NewTickets(context.Background(), tlspolicy.TicketOptions{Logger: s.logger}); err != nil {
			return err
		}
		policy = policy.Resume(s.tickets)
	}
	if err := s.openACME(); err != nil {
		return err
	}
	if s.certs, err = openCerts(s.settings, s.store.dir, policy, s.logger); err != nil {
		return err
	}
	if s.imap.TLS, err = policy.ALPN("imap").ServerBy(s.certs.GetCertificate); err != nil {
		return err
	}
	get, protocols := s.certs.GetCertificate, []string{"h2", "http/1.1"}
	if s.acme != nil {
		get, protocols = s.acme.Certificate(get), append(protocols, acme.Protocol)
	}
	web, err := policy.ALPN(protocols...).ServerBy(get)
	if err != nil {
		return err
	}
	s.wkd = newKeyDirectory(s.store, web, s.logger)
	return errors.Join(s.auth.offerCertificates(s.settings, s.imap.TLS), s.auth.offerTokens(s.settings))
}

// policy is the policy that the settings name.
func (s *settings) policy() (tlspolicy.Policy, error) {
	if s.TLSPolicy == "" {
		return tlspolicy.Intermediate, nil
	}
	return tlspolicy.Named(s.TLSPolicy)
}

// openCerts opens the pair that is named, the folder that is named, or both; else a self-signed certificate in the data folder.
func openCerts(s settings, dir string, policy tlspolicy.Policy, logger *slog.Logger) (*certs.Store, error) {
	o := certs.Options{Policy: policy, Logger: logger, Check: s.lint().Refuse, Folders: s.folders(dir)}
	if s.Cert != "" {
		o.Pairs = []certs.Pair{{Cert: s.Cert, Key: s.Key}}
	}
	if s.selfSigned() {
		if err := s.signSelf(dir); err != nil {
			return nil, err
		}
		file := selfSignedFile(dir)
		o.Pairs = []certs.Pair{{Cert: file, Key: file, LastResort: true}}
	}
	return certs.Open(o)
}

// folders are where certificates lie.
func (s settings) folders(dir string) (list []string) {
	if s.Certs != "" {
		list = append(list, s.Certs)
	}
	if s.ACME != nil {
		list = append(list, acmeCertificates(dir))
	}
	return list
}

// lint is how certificates are judged before they are served.
func (s settings) lint() lint.Options { return lint.Options{Allow: s.LintAllow} }

// selfSigned reports whether the server makes its certificate itself.
func (s settings) selfSigned() bool { return s.Cert == "" && s.Certs == "" }

func selfSignedFile(dir string) string {
	return filepath.Join(dir, tlsFolder, tlspolicy.SelfSignedFile)
}

// signSelf makes the self-signed certificate if it is missing, and publishes it for clients to trust.
func (s settings) signSelf(dir string) error {
	var names []string
	if strings.Contains(s.Hostname, ".") {
		names = append(names, s.Hostname)
	}
	_, err := tlspolicy.SelfSigned(filepath.Join(dir, tlsFolder), names...)
	return err
}
