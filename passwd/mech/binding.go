package mech

import (
	"crypto"
	_ "crypto/sha256" // for tls-server-end-point
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
)

// Bindings returns the channel bindings of a TLS connection, seen from the server, by the names that SCRAM-*-PLUS uses: tls-exporter
// (RFC 9266), and tls-server-end-point (RFC 5929, section 4) if the certificate that the server showed is given. tls-unique is never
// among them: TLS 1.3 has none, and before it can be forged without the extended master secret (RFC 9266, section 3).
//
// Nil without TLS. With TLS 1.2 there is no tls-exporter unless the extended master secret was negotiated.
func Bindings(state *tls.ConnectionState, certificate *x509.Certificate) map[string][]byte {
	if state == nil || !state.HandshakeComplete {
		return nil
	}
	bindings := map[string][]byte{}
	// In TLS 1.2 no context differs from an empty one; every implementation that we know takes none.
	if key, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); err == nil {
		bindings["tls-exporter"] = key
	}
	if certificate != nil {
		if h, ok := endPointHash(certificate.SignatureAlgorithm); ok {
			sum := h.New()
			sum.Write(certificate.Raw)
			bindings["tls-server-end-point"] = sum.Sum(nil)
		}
	}
	return bindings
}

// endPointHash is the hash function of the certificate's signature, but SHA-256 in place of older ones. Some have none of their own.
func endPointHash(a x509.SignatureAlgorithm) (h crypto.Hash, ok bool) {
	switch a {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.SHA256WithRSA, x509.ECDSAWithSHA256, x509.SHA256WithRSAPSS:
		return crypto.SHA256, true
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		return crypto.SHA384, true
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		return crypto.SHA512, true
	}
	return 0, false
}
