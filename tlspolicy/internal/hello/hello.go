// Package hello begins TLS handshakes that crypto/tls would not begin, such as
// with any cipher suite by its number, and reads what servers answer before
// they encrypt. It goes no further: no keys are agreed on.
package hello

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"slices"
)

// Hello is a ClientHello. What is zero or nil is left out, unless said otherwise.
type Hello struct {
	Legacy       uint16   // legacy_version; 0: TLS 1.2, or the highest of Versions below that
	Versions     []uint16 // supported_versions; left out if TLS 1.3 is not among them
	Suites       []uint16
	Compressions []byte // nil: null only
	Name         string // server_name
	Groups       []tls.CurveID
	Shares       []tls.CurveID // key_share, sent with TLS 1.3; may be empty: a server then names the group it wants
	Signatures   []tls.SignatureScheme
	Protocols    []string // ALPN
	EMS          bool     // extended_master_secret
	Ticket       bool     // an empty session_ticket, and psk_dhe_ke with TLS 1.3
	Renegotiable bool     // renegotiation_info
	Verify       []byte   // what renegotiation_info says: nothing at the beginning, then the client's verify_data (RFC 5746, section 3.5)
	Status       bool     // status_request for OCSP
	SCT          bool     // signed_certificate_timestamp
	GREASE       bool     // encrypted_client_hello, with TLS 1.3, of random bytes (RFC 9849, section 6.2)
}

// Numbers from IANA's registries that crypto/tls does not export.
const (
	extServerName     = 0
	extStatusRequest  = 5
	extGroups         = 10
	extPointFormats   = 11
	extSignatures     = 13
	extALPN           = 16
	extSCT            = 18
	ExtEMS            = 23
	ExtTicket         = 35
	extVersions       = 43
	extPSKModes       = 45
	extKeyShare       = 51
	extECH            = 0xfe0d
	ExtRenegotiation  = 0xff01
	recordAlert       = 21
	recordHandshake   = 22
	typeClientHello   = 1
	typeServerHello   = 2
	typeCertificate   = 11
	typeKeyExchange   = 12
	typeHelloDone     = 14
	typeStatus        = 22
	maxRecord         = 1 << 14
	FallbackSCSV      = 0x5600 // TLS_FALLBACK_SCSV: no suite; it has a lower version refused (RFC 7507)
	RenegotiationSCSV = 0x00ff // TLS_EMPTY_RENEGOTIATION_INFO_SCSV: no suite either (RFC 5746)
)

func vector8(b []byte) []byte { return append([]byte{byte(len(b))}, b...) }
func vector16(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func list16[T ~uint16](values ...T) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// Bytes returns the ClientHello in TLS records (RFC 8446, section 4.1.2; RFC
// 5246, section 7.4.1.2).
func (h Hello) Bytes() []byte {
	legacy, random, session := h.Legacy, make([]byte, 32), make([]byte, 32)
	rand.Read(random)
	modern := slices.Contains(h.Versions, tls.VersionTLS13)
	if !modern {
		session = nil // those who do not speak TLS 1.3 have nothing to resume
	}
	rand.Read(session)
	if legacy == 0 {
		legacy = tls.VersionTLS12
		if len(h.Versions) > 0 {
			legacy = min(legacy, slices.Max(h.Versions))
		}
	}
	compressions := h.Compressions
	if compressions == nil {
		compressions = []byte{0}
	}
	body := slices.Concat(
		list16(legacy), random, vector8(session), vector16(list16(h.Suites...)), vector8(compressions))
	if extensions := h.extensions(modern); len(extensions) > 0 {
		body = append(body, vector16(extensions)...)
	}
	message := slices.Concat([]byte{typeClientHello, byte(len(body) >> 16)}, list16(uint16(len(body))), body)
	var out []byte
	for part := range slices.Chunk(message, maxRecord) {
		// Version 3.1 on the record: some servers take no other in the first one.
		out = append(out, recordHandshake, 3, 1)
		out = append(out, vector16(part)...)
	}
	return out
}

func (h Hello) extensions(modern bool) (out []byte) {
	add := func(when bool, id uint16, body []byte) {
		if when {
			out = append(append(out, list16(id)...), vector16(body)...)
		}
	}
	var protocols []byte
	for _, p := range h.Protocols {
		protocols = append(protocols, vector8([]byte(p))...)
	}
	add(h.Name != "", extServerName, vector16(append([]byte{0}, vector16([]byte(h.Name))...)))
	add(h.Status, extStatusRequest, []byte{1, 0, 0, 0, 0})
	add(len(h.Groups) > 0, extGroups, vector16(list16(h.Groups...)))
	add(len(h.Groups) > 0, extPointFormats, vector8([]byte{0}))
	add(len(h.Signatures) > 0, extSignatures, vector16(list16(h.Signatures...)))
	add(len(protocols) > 0, extALPN, vector16(protocols))
	add(h.SCT, extSCT, nil)
	add(h.EMS, ExtEMS, nil)
	add(h.Ticket, ExtTicket, nil)
	add(h.Renegotiable, ExtRenegotiation, vector8(h.Verify))
	if modern {
		add(true, extVersions, vector8(list16(h.Versions...)))
		add(h.Ticket, extPSKModes, vector8([]byte{1}))
		var shares []byte
		for _, group := range h.Shares {
			if key := share(group); key != nil {
				shares = append(append(shares, list16(group)...), vector16(key)...)
			}
		}
		add(true, extKeyShare, vector16(shares))
		add(h.GREASE, extECH, grease())
	}
	return out
}

// grease looks like an encrypted client hello: outer, HKDF-SHA256, AES-128-GCM, some key, some encapsulated key, some payload.
func grease() []byte {
	noise := make([]byte, 1+32+208)
	rand.Read(noise)
	return slices.Concat([]byte{0, 0, 1, 0, 1}, noise[:1], vector16(noise[1:33]), vector16(noise[33:]))
}

// share returns a public key for group, or nil for a group that is not known
// here. The private key is thrown away.
func share(group tls.CurveID) []byte {
	elliptic := func(curve ecdh.Curve) []byte {
		key, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			return nil
		}
		return key.PublicKey().Bytes()
	}
	kem768 := func() []byte {
		key, err := mlkem.GenerateKey768()
		if err != nil {
			return nil
		}
		return key.EncapsulationKey().Bytes()
	}
	switch group {
	case tls.X25519:
		return elliptic(ecdh.X25519())
	case tls.CurveP256:
		return elliptic(ecdh.P256())
	case tls.CurveP384:
		return elliptic(ecdh.P384())
	case tls.CurveP521:
		return elliptic(ecdh.P521())
	case tls.X25519MLKEM768:
		return slices.Concat(kem768(), elliptic(ecdh.X25519()))
	case tls.SecP256r1MLKEM768:
		return slices.Concat(elliptic(ecdh.P256()), kem768())
	case tls.SecP384r1MLKEM1024:
		key, err := mlkem.GenerateKey1024()
		if err != nil {
			return nil
		}
		return slices.Concat(elliptic(ecdh.P384()), key.EncapsulationKey().Bytes())
	}
	return nil
}
