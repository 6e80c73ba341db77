package audit

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"iter"
	"slices"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// Types of records and of handshake messages (RFC 8446, appendix B).
const (
	recordChangeCipher = 20
	recordHandshake    = 22
	recordData         = 23

	typeNewTicket = 4
	typeFinished  = 20
)

// records yields type and body of each whole record in b.
func records(b []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for len(b) >= 5 {
			size := int(binary.BigEndian.Uint16(b[3:]))
			if len(b) < 5+size || !yield(b[0], b[5:5+size]) {
				return
			}
			b = b[5+size:]
		}
	}
}

// messages yields type and body of each whole handshake message in b.
func messages(b []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for len(b) >= 4 {
			size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
			if len(b) < 4+size || !yield(b[0], b[4:4+size]) {
				return
			}
			b = b[4+size:]
		}
	}
}

// ticketLife returns how many seconds the first ticket in handshake messages may
// be used, by its first field (RFC 5077, section 3.3; RFC 8446, section 4.6.1).
func ticketLife(b []byte) (seconds uint32, ok bool) {
	for kind, body := range messages(b) {
		if kind == typeNewTicket && len(body) >= 4 {
			return binary.BigEndian.Uint32(body), true
		}
	}
	return 0, false
}

// clearTicket finds the ticket of a handshake up to TLS 1.2, which comes before the server encrypts.
func clearTicket(fromServer []byte) (seconds uint32, ok bool) {
	var handshake []byte
	for kind, body := range records(fromServer) {
		switch kind {
		case recordHandshake:
			handshake = append(handshake, body...)
		case recordChangeCipher:
			return ticketLife(handshake)
		}
	}
	return 0, false
}

// secrets reads what crypto/tls has logged of one session: by label, the secret, and the client's random.
func secrets(log []byte) (random []byte, byLabel map[string][]byte) {
	byLabel = map[string][]byte{}
	for line := range strings.Lines(string(log)) {
		words := strings.Fields(line)
		if len(words) != 3 {
			continue
		}
		secret, err1 := hex.DecodeString(words[2])
		r, err2 := hex.DecodeString(words[1])
		if err1 == nil && err2 == nil {
			byLabel[words[0]], random = secret, r
		}
	}
	return random, byLabel
}

// sealedTicket finds the first ticket of TLS 1.3 among the records of a server,
// by the secret of its traffic (RFC 8446, sections 5.2 and 7.3).
func sealedTicket(fromServer []byte, suite uint16, secret []byte) (seconds uint32, ok bool) {
	aead, iv, err := trafficKeys(suite, secret)
	if err != nil {
		return 0, false
	}
	var handshake []byte
	sequence := uint64(0)
	for kind, body := range records(fromServer) {
		if kind != recordData {
			continue
		}
		nonce := slices.Clone(iv)
		for i, x := range binary.BigEndian.AppendUint64(nil, sequence) {
			nonce[len(nonce)-8+i] ^= x
		}
		head := binary.BigEndian.AppendUint16([]byte{kind, 3, 3}, uint16(len(body)))
		plain, err := aead.Open(nil, nonce, body, head)
		if err != nil {
			continue // of the handshake, under other keys
		}
		sequence++
		plain = bytes.TrimRight(plain, "\x00")
		if n := len(plain) - 1; n >= 0 && plain[n] == recordHandshake {
			handshake = append(handshake, plain[:n]...)
		}
	}
	return ticketLife(handshake)
}

var errCipher = errors.New("a cipher that is not written here")

// trafficKeys derives key and IV of one direction of TLS 1.3.
func trafficKeys(suite uint16, secret []byte) (cipher.AEAD, []byte, error) {
	h, size := sha256.New, 16
	switch suite {
	case tls.TLS_AES_256_GCM_SHA384:
		h, size = sha512.New384, 32
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		size = chacha20poly1305.KeySize
	}
	expand := func(label string, n int) ([]byte, error) { // HKDF-Expand-Label, RFC 8446, section 7.1
		label = "tls13 " + label
		info := slices.Concat([]byte{byte(n >> 8), byte(n), byte(len(label))}, []byte(label), []byte{0})
		return hkdf.Expand(h, secret, string(info), n)
	}
	key, err1 := expand("key", size)
	iv, err2 := expand("iv", 12)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	if suite == tls.TLS_CHACHA20_POLY1305_SHA256 {
		aead, err := chacha20poly1305.New(key)
		return aead, iv, err
	}
	aead, err := gcm(key)
	return aead, iv, err
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// prf is the pseudorandom function of TLS 1.2 (RFC 5246, section 5).
func prf(h func() hash.Hash, secret []byte, label string, seed []byte, size int) (out []byte) {
	seed = append([]byte(label), seed...)
	sum := func(parts ...[]byte) []byte {
		m := hmac.New(h, secret)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	for a := sum(seed); len(out) < size; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:size]
}

// sealer encrypts what a client sends in TLS 1.2 with AES-GCM (RFC 5288, section 3).
type sealer struct {
	aead cipher.AEAD
	salt []byte // of 4 bytes
}

// newSealer derives the client's key from the master secret (RFC 5246, section 6.3).
func newSealer(suite uint16, master, clientRandom, serverRandom []byte) (*sealer, error) {
	h, size := sha256.New, 16
	switch suite {
	case tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_256_GCM_SHA384:
		h, size = sha512.New384, 32
	case tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_GCM_SHA256:
	default:
		return nil, errCipher
	}
	block := prf(h, master, "key expansion", slices.Concat(serverRandom, clientRandom), 2*size+8)
	aead, err := gcm(block[:size])
	return &sealer{aead, block[2*size : 2*size+4]}, err
}

func (s *sealer) additional(kind byte, sequence uint64, size int) []byte {
	b := append(binary.BigEndian.AppendUint64(nil, sequence), kind, 3, 3)
	return binary.BigEndian.AppendUint16(b, uint16(size))
}

// seal returns a record.
func (s *sealer) seal(kind byte, sequence uint64, plain []byte) []byte {
	explicit := binary.BigEndian.AppendUint64(nil, sequence)
	sealed := s.aead.Seal(nil, slices.Concat(s.salt, explicit), plain, s.additional(kind, sequence, len(plain)))
	head := binary.BigEndian.AppendUint16([]byte{kind, 3, 3}, uint16(8+len(sealed)))
	return slices.Concat(head, explicit, sealed)
}

// open returns what is in the body of a record.
func (s *sealer) open(kind byte, sequence uint64, body []byte) ([]byte, error) {
	size := len(body) - 8 - s.aead.Overhead()
	if size < 0 {
		return nil, errors.New("a record too short to be sealed")
	}
	return s.aead.Open(nil, slices.Concat(s.salt, body[:8]), body[8:], s.additional(kind, sequence, size))
}
