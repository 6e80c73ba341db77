package tlspolicy

import (
	"crypto/tls"
	"fmt"
	"strings"
)

// Decision is one thing that a policy has decided for servers.
type Decision struct {
	Topic   string // what is decided, such as "versions"
	Value   string // for people; lists are separated by ", "
	Why     string // one sentence
	Source  string // document and section
	Differs string // how and why this is not what Mozilla's guidelines say; "" if it is
}

const mozilla = "Mozilla Server Side TLS 6.0"

// Explain returns every decision of p for servers, in the order in which a person asks.
func (p Policy) Explain() []Decision {
	r := p.rules()
	notMozilla := ""
	if p.level == strict {
		notMozilla = "Mozilla has no such configuration; this is intermediate with more asked for"
	}
	versions := "TLS 1.2, TLS 1.3"
	if r.minVersion == tls.VersionTLS13 {
		versions = "TLS 1.3"
	}
	suites12 := suiteNames(r.cipherSuites)
	if r.minVersion == tls.VersionTLS13 {
		suites12 = "none"
	}
	keys, signatures := "ECDSA P-256, ECDSA P-384", "ecdsa-with-SHA256, ecdsa-with-SHA384, ecdsa-with-SHA512"
	if r.rsaBits > 0 {
		keys += fmt.Sprintf(", RSA from %d bits", r.rsaBits)
		signatures = "sha256WithRSAEncryption, " + signatures
	}
	groups := make([]string, 0, len(r.curves))
	for _, c := range r.curves {
		groups = append(groups, c.String())
	}
	protocols := p.protocols
	if len(protocols) == 0 {
		protocols = []string{defaultProtocol}
	}
	tickets := "off"
	if p.tickets != nil {
		tickets = fmt.Sprintf("on, keys live %v", p.tickets.life)
	}
	hidden := "off"
	if p.ech != nil {
		hidden = "on, public name " + p.ech.options.PublicName
	}
	ems := "used with every client that knows it"
	if r.needEMS {
		ems = "required of clients of TLS 1.2"
	}
	return []Decision{
		{"versions", versions, "Older versions have no authenticated encryption.", mozilla + "; RFC 9325, section 3.1.1", ""},
		{"suites of TLS 1.2", suites12, "Every key exchange is ephemeral, every cipher authenticates.", mozilla + "; RFC 9325, section 4.2", ""},
		{"suites of TLS 1.3", suiteNames(tls13Suites), "All are forward secret; crypto/tls has no way to change them.", mozilla + "; RFC 8446, appendix B.4", ""},
		{"order of suites", "the client's hardware decides", "AES where both sides have instructions for it, else ChaCha20; crypto/tls has no other order.", mozilla + " (server_preferred_order false)", ""},
		{"groups", strings.Join(groups, ", "), "The hybrid of ML-KEM and X25519 keeps what is recorded today secret from quantum computers.", mozilla, ""},
		{"finite field Diffie-Hellman", "none", "crypto/tls has none, and no suite of the policy uses it.", mozilla,
			differsIf(r.minVersion < tls.VersionTLS13, "Mozilla names 2048 bits for parameters that none of its suites uses")},
		{"keys of certificates", keys, "Every mail program knows these.", mozilla, ""},
		{"signatures on certificates", signatures, "What the authority signs with is its choice; SHA-1 and MD5 are refused when a certificate is loaded.", mozilla,
			"SHA-384 and SHA-512 with RSA are not refused: authorities use them, clients know them"},
		{"life of certificates", fmt.Sprintf("at most %d days, 90 recommended", r.maxLife), "A stolen key is of use that long. Package lint reports longer ones.", mozilla, ""},
		{"signatures in handshakes", "ECDSA and RSA with SHA-256, SHA-384, SHA-512", "SHA-1 can be forged.", "RFC 9155", ""},
		{"extended master secret", ems, "Binds the keys of TLS 1.2 to the whole handshake.", "RFC 7627", notMozilla},
		{"session tickets", tickets, "A ticket key in a copy of the memory opens what was recorded while it lived.", "RFC 9325, section 3.4; RFC 5077, section 5.5", ""},
		{"encrypted client hello", hidden, "Who listens learns the public name only; names of mail servers are rarely a secret.", "RFC 9849", ""},
		{"early data", "none", "It can be replayed and is not forward secret; crypto/tls has none on TCP.", "RFC 8446, section 8", ""},
		{"renegotiation", "none", "crypto/tls has none on servers.", "RFC 9325, section 3.5", ""},
		{"compression", "none", "It tells secrets by length (CRIME); crypto/tls has none.", "RFC 9325, section 3.3", ""},
		{"application protocols", strings.Join(protocols, ", "), "Clients that offer others only are refused, so that one service is not mistaken for another (ALPACA).", "RFC 9325, section 3.8", ""},
		{"client certificates", "not asked for", "A service that wants them sets ClientAuth.", "crypto/tls", ""},
		{"OCSP staples", "served where there is one", "Package certs looks beside the certificate; many authorities no longer have OCSP.", mozilla + " (ocsp_staple true)", ""},
		{"HSTS", "left to the web server", "It is a header of HTTP, not of TLS; Mozilla recommends 63072000 seconds.", mozilla, ""},
	}
}

// tls13Suites are those that crypto/tls always has.
var tls13Suites = []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256}

func suiteNames(ids []uint16) string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, tls.CipherSuiteName(id))
	}
	return strings.Join(names, ", ")
}

func differsIf(yes bool, how string) string {
	if yes {
		return how
	}
	return ""
}
