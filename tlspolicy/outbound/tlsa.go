package outbound

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// The fields of TLSA records (RFC 6698, section 2.1; names from RFC 7218).
const (
	usageDANETA = 2 // the data are of an authority in the chain
	usageDANEEE = 3 // the data are of the server's own certificate

	selectorCert = 0
	selectorSPKI = 1

	matchFull   = 0
	matchSHA256 = 1
	matchSHA512 = 2
)

const maxTLSA = 100 // records of one server that are looked at

// association is a TLSA record that can be used for SMTP: usages 0 and 1 cannot (RFC 7672, section 3.1.3).
type association struct {
	usage, selector, matching uint8
	data                      []byte
	text                      string // as reports have it
}

// usable returns the records that can be used. Those with fields that nobody knows cannot.
func usable(a Answer) (all []association) {
	for _, r := range a.Records[:min(len(a.Records), maxTLSA)] {
		t, ok := r.(*dns.TLSA)
		if !ok || t.Usage != usageDANETA && t.Usage != usageDANEEE || t.Selector > selectorSPKI || t.MatchingType > matchSHA512 {
			continue
		}
		data, err := hex.DecodeString(t.Certificate)
		if size := map[uint8]int{matchSHA256: sha256.Size, matchSHA512: sha512.Size}[t.MatchingType]; err != nil || len(data) == 0 || size > 0 && len(data) != size {
			continue
		}
		all = append(all, association{t.Usage, t.Selector, t.MatchingType, data, fmt.Sprintf("%d %d %d %x", t.Usage, t.Selector, t.MatchingType, data)})
	}
	return all
}

// matches reports whether the record is about a certificate.
func (a association) matches(c *x509.Certificate) bool {
	selected := c.Raw
	if a.selector == selectorSPKI {
		selected = c.RawSubjectPublicKeyInfo
	}
	switch a.matching {
	case matchSHA256:
		sum := sha256.Sum256(selected)
		return bytes.Equal(sum[:], a.data)
	case matchSHA512:
		sum := sha512.Sum512(selected)
		return bytes.Equal(sum[:], a.data)
	}
	return bytes.Equal(selected, a.data)
}

// verifyDANE checks a server's chain against its TLSA records. names are those that the certificate may have under usage DANE-TA; under DANE-EE neither
// names nor dates count (RFC 7672, section 3.1.1).
func verifyDANE(records []association, chain []*x509.Certificate, names []string, now time.Time) error {
	var problem error
	for _, r := range records {
		if r.usage == usageDANEEE {
			if r.matches(chain[0]) {
				return nil
			}
			continue
		}
		for _, anchor := range r.anchors(chain) {
			err := verifyFrom(anchor, chain, names, now)
			if err == nil {
				return nil
			}
			problem = err
		}
	}
	if problem != nil {
		return problem
	}
	return fmt.Errorf("the certificate is not one of the %d that the TLSA records allow", len(records))
}

// anchors returns the certificates that a record of usage DANE-TA makes trusted: those in the chain that it matches, or the one that it holds
// (RFC 7672, section 3.1.2).
func (a association) anchors(chain []*x509.Certificate) (all []*x509.Certificate) {
	for _, c := range chain {
		if a.matches(c) {
			all = append(all, c)
		}
	}
	if len(all) == 0 && a.selector == selectorCert && a.matching == matchFull {
		if c, err := x509.ParseCertificate(a.data); err == nil {
			all = append(all, c)
		}
	}
	return all
}

// verifyFrom verifies a chain up to an anchor, for any of the names.
func verifyFrom(anchor *x509.Certificate, chain []*x509.Certificate, names []string, now time.Time) (err error) {
	err = errors.New("there is no name to expect in the certificate")
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now}
	o.Roots.AddCert(anchor)
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	for _, o.DNSName = range names {
		if _, err = chain[0].Verify(o); err == nil {
			return nil
		}
	}
	return err
}
