package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"go.uber.org/zap"
)

// Protocol is the application protocol (ALPN) by which an authority asks for a TLS-ALPN-01 challenge (RFC 8737, section 6.2). A server that answers them with
// [Manager.Certificate] must accept it besides its own.
const Protocol = acmez.ACMETLS1Protocol

// LetsEncrypt is the directory of Let's Encrypt.
const LetsEncrypt = certmagic.LetsEncryptProductionCA

// ShortLived is the profile of Let's Encrypt for certificates of some six days.
const ShortLived = "shortlived"

// Options are the options of [Open]. Dir, Names and Agreed must be set.
type Options struct {
	Dir    string   // for the account's key, certificates and their keys; of this program alone. Machines that share it share the work.
	Names  []string // a certificate each; "*.example.org" needs DNS
	Email  string   // whom the authority writes to; may be ""
	Agreed bool     // that you agree to the terms of the authority

	Directory string         // URL of the authority's directory; if "", that of LetsEncrypt
	Roots     *x509.CertPool // whom to believe about the directory's server; if nil, the roots of the system
	Profile   string         // kind of certificate, of those the directory names; if "", the authority chooses

	DNS      DNS    // publishes TXT records for DNS-01; if nil, HTTP-01 and TLS-ALPN-01 are used
	Host     string // address at which the ports are listened at; if "", all
	HTTPPort int    // where connections to port 80 of the names arrive; if zero, 80
	TLSPort  int    // the same for port 443

	// Changed is called after there is a new certificate for a name. May be nil.
	Changed func(name string)
	Logger  *slog.Logger // if nil, nobody hears of failures
}

// Manager keeps certificates for names. All methods may be called by many goroutines.
type Manager struct {
	options Options
	config  *certmagic.Config
	cache   *certmagic.Cache
	acme    *certmagic.ACMEIssuer
	ctx     context.Context // of what Start has begun
	cancel  context.CancelFunc
	closing sync.Once
}

// Open prepares a manager and its folder. Nothing is asked of the authority before Start. Close it at the end.
func Open(o Options) (*Manager, error) {
	return open(o, func(c *certmagic.Config, a *certmagic.ACMEIssuer) certmagic.Issuer { return a })
}

// open lets tests put another issuer in the authority's place.
func open(o Options, choose func(*certmagic.Config, *certmagic.ACMEIssuer) certmagic.Issuer) (*Manager, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	m := &Manager{options: o}
	if err := os.MkdirAll(m.Folder(), 0o700); err != nil { // package certs wants it from the beginning
		return nil, fmt.Errorf("acme: %w", err)
	}
	logger := zap.New(zapCore{o.Logger.Handler()})
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil },
		Logger:           logger,
	})
	m.config = certmagic.New(m.cache, certmagic.Config{
		Storage:            &certmagic.FileStorage{Path: o.Dir},
		Logger:             logger,
		OnEvent:            m.event,
		RenewalWindowRatio: o.renewalWindow(),
		// Package certs serves the certificates, with staples that lie beside them.
		OCSP:    certmagic.OCSPConfig{DisableStapling: true},
		Issuers: []certmagic.Issuer{}, // below: an ACMEIssuer needs the config
	})
	template := certmagic.ACMEIssuer{
		CA: o.Directory, Email: o.Email, Agreed: o.Agreed, Profile: o.Profile, TrustedRoots: o.Roots, Logger: logger,
		ListenHost: o.Host, AltHTTPPort: o.HTTPPort, AltTLSALPNPort: o.TLSPort,
	}
	if o.DNS != nil {
		template.DNS01Solver = dnsSolver{o.DNS}
	}
	m.acme = certmagic.NewACMEIssuer(m.config, template)
	m.config.Issuers = []certmagic.Issuer{choose(m.config, m.acme)}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m, nil
}

// complete checks the options and sets what is not set.
func (o *Options) complete() error {
	switch {
	case o.Dir == "":
		return errors.New("acme: Dir is not set: it is where keys and certificates are kept")
	case len(o.Names) == 0:
		return errors.New("acme: there is no name to get a certificate for")
	case !o.Agreed:
		return errors.New("acme: the authority issues only to those who agree to its terms; read them and set Agreed")
	}
	o.Names = slices.Clone(o.Names)
	for i, name := range o.Names {
		name = strings.ToLower(name)
		switch {
		case !certmagic.SubjectQualifiesForCert(name) || strings.ContainsAny(name, ":/@"):
			return fmt.Errorf("acme: %q is no name of a host", name)
		case strings.HasPrefix(name, "*.") && o.DNS == nil:
			return fmt.Errorf("acme: %s: a wildcard is proved by DNS only; set DNS", name)
		}
		o.Names[i] = name
	}
	if o.Directory == "" {
		o.Directory = LetsEncrypt
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// renewalWindow is how much of a certificate's life is left when it is renewed, where the authority does not say when.
func (o *Options) renewalWindow() float64 {
	if o.Profile == ShortLived {
		return 0.5 // so that three days of an outage do no harm
	}
	return 1.0 / 3
}

// Folder returns the folder for [certs.Options]: below it are the certificates and their keys, and nothing else.
//
// [certs.Options]: https://pkg.go.dev/github.com/mailhavn/mailhavn/tlspolicy/certs#Options
func (m *Manager) Folder() string { return filepath.Join(m.options.Dir, "certificates") }

// Start begins to get the certificates that are missing and to renew those that are there, and returns. What fails is logged and tried again, until
// the manager is closed.
func (m *Manager) Start() error { // not ManageSync, which asks questions on the terminal
	if err := m.config.ManageAsync(m.ctx, m.options.Names); err != nil {
		return fmt.Errorf("acme: %w", err)
	}
	return nil
}

// Close ends the renewals.
func (m *Manager) Close() {
	m.closing.Do(func() {
		m.cancel()
		m.cache.Stop()
	})
}

// event hears from certmagic.
func (m *Manager) event(_ context.Context, event string, data map[string]any) error {
	if event != "cert_obtained" {
		return nil
	}
	name, _ := data["identifier"].(string)
	m.options.Logger.Info("acme: there is a new certificate", "name", name, "renewal", data["renewal"])
	if m.options.Changed != nil {
		m.options.Changed(name)
	}
	return nil
}

// Handler answers HTTP-01 challenges, which arrive on port 80, and passes all else on to next.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !m.acme.HandleHTTPChallenge(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// Certificate answers TLS-ALPN-01 challenges, which arrive on port 443, and asks next for all else. It is for tlspolicy.Policy.ServerBy, with a policy that
// accepts [Protocol] besides others.
func (m *Manager) Certificate(next func(*tls.ClientHelloInfo) (*tls.Certificate, error)) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(client *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if slices.Equal(client.SupportedProtos, []string{Protocol}) && client.ServerName != "" && net.ParseIP(client.ServerName) == nil {
			return m.config.GetCertificate(client)
		}
		return next(client)
	}
}
