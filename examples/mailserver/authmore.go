package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/mailhavn/mailhavn/passwd/oauth"
)

// offerTokens lets clients log in with the tokens of an issuer.
func (a *auth) offerTokens(s settings) error {
	if s.OAuthIssuer == "" && s.OAuthKeys == "" && s.OAuthAudience == "" {
		return nil
	}
	if s.OAuthIssuer == "" || s.OAuthKeys == "" || s.OAuthAudience == "" {
		return errors.New("oauth-issuer, oauth-keys and oauth-audience go together: the issuer as its tokens name it, the URL of its keys, and the name of this service")
	}
	a.Tokens = &oauth.JWT{Rules: oauth.Rules{Issuer: s.OAuthIssuer, Audience: s.OAuthAudience}, Keys: s.OAuthKeys}
	return nil
}

// offerCertificates lets clients log in with certificates of an authority, by the first address in them.
func (a *auth) offerCertificates(s settings, config *tls.Config) error {
	if s.ClientCA == "" {
		return nil
	}
	data, err := os.ReadFile(s.ClientCA)
	if err != nil {
		return fmt.Errorf("client-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return fmt.Errorf("client-ca: %s holds no certificates in PEM", s.ClientCA)
	}
	config.ClientCAs, config.ClientAuth = pool, tls.VerifyClientCertIfGiven
	a.Certificate = func(c *x509.Certificate) (string, error) {
		if len(c.EmailAddresses) == 0 {
			return "", errors.New("the certificate names no address")
		}
		return c.EmailAddresses[0], nil
	}
	return nil
}
