package hello

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Reply is what a server answered before it encrypted.
type Reply struct {
	Refused bool  // an alert came
	Alert   uint8 // its description, by IANA's registry

	Version      uint16 // 0: no ServerHello came
	Suite        uint16
	Compression  byte
	Extensions   []uint16    // of the ServerHello
	Protocol     string      // ALPN, up to TLS 1.2
	Group        tls.CurveID // 0: none, or not told
	Retry        bool        // TLS 1.3: a HelloRetryRequest; only Group and Suite are known
	Resumable    bool        // up to TLS 1.2: a session id was given
	Certificates [][]byte    // up to TLS 1.2: DER, leaf first
	DHBits       int         // up to TLS 1.2: size of the prime, with finite field Diffie-Hellman
	Signature    tls.SignatureScheme
	Stapled      bool // up to TLS 1.2: an OCSP answer came
}

// retryRandom marks a ServerHello as a HelloRetryRequest (RFC 8446, section 4.1.3).
var retryRandom = []byte{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

// maxReply bounds what is read of one answer, in bytes.
const maxReply = 256 << 10

// ErrNotTLS says that what a server answered is not TLS.
var ErrNotTLS = errors.New("the answer is not TLS")

// Read reads records from r until the server has said all that it says in clear:
// a ServerHello of TLS 1.3, a ServerHelloDone, or an alert. If the connection
// ends or breaks before that, Read returns what had come by then, with the error.
func Read(r io.Reader) (Reply, error) {
	var reply Reply
	var pending []byte // handshake messages, perhaps not whole yet
	header := make([]byte, 5)
	for total := 0; ; {
		if _, err := io.ReadFull(r, header); err != nil {
			return reply, err
		}
		size := int(binary.BigEndian.Uint16(header[3:]))
		if header[1] != 3 || size > maxRecord+2048 || header[0] < 20 || header[0] > 24 {
			return reply, fmt.Errorf("%w: it begins with %q", ErrNotTLS, header)
		}
		if total += size; total > maxReply {
			return reply, fmt.Errorf("the answer is longer than %d bytes", maxReply)
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(r, body); err != nil {
			return reply, err
		}
		switch header[0] {
		case recordAlert:
			if len(body) != 2 {
				return reply, fmt.Errorf("%w: an alert of %d bytes", ErrNotTLS, len(body))
			}
			if body[0] == 1 && body[1] != 0 { // a warning, such as unrecognized_name: the handshake goes on
				continue
			}
			reply.Refused, reply.Alert = true, body[1]
			return reply, nil
		case recordHandshake:
			pending = append(pending, body...)
			done, rest, err := reply.take(pending)
			if done || err != nil {
				return reply, err
			}
			pending = rest
		default:
			return reply, fmt.Errorf("%w: a record of type %d in the first flight", ErrNotTLS, header[0])
		}
	}
}

// take reads whole messages off b and returns the rest.
func (r *Reply) take(b []byte) (done bool, rest []byte, err error) {
	for len(b) >= 4 {
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		if len(b) < 4+size {
			break
		}
		kind, body := b[0], cursor(b[4:4+size])
		b = b[4+size:]
		switch kind {
		case typeServerHello:
			err = r.serverHello(body)
		case typeCertificate:
			err = r.certificate(body)
		case typeKeyExchange:
			err = r.keyExchange(body)
		case typeStatus:
			r.Stapled = true
		case typeHelloDone:
			return true, nil, nil
		}
		if err != nil {
			return true, nil, fmt.Errorf("%w: handshake message of type %d: %w", ErrNotTLS, kind, err)
		}
		if r.Version == tls.VersionTLS13 { // the rest is encrypted
			return true, nil, nil
		}
	}
	return false, b, nil
}

var errShort = errors.New("truncated")

// cursor is what is left of a message. Its methods return what they take off,
// and false if there is not enough.
type cursor []byte

func (c *cursor) take(n int) ([]byte, bool) {
	if len(*c) < n {
		return nil, false
	}
	b := (*c)[:n]
	*c = (*c)[n:]
	return b, true
}

func (c *cursor) uint16() (uint16, bool) {
	b, ok := c.take(2)
	if !ok {
		return 0, false
	}
	return binary.BigEndian.Uint16(b), true
}

// vector takes a vector whose length stands in n bytes before it.
func (c *cursor) vector(n int) (cursor, bool) {
	b, ok := c.take(n)
	size := 0
	for _, x := range b {
		size = size<<8 | int(x)
	}
	if !ok {
		return nil, false
	}
	return c.take(size)
}

func (r *Reply) serverHello(c cursor) error {
	version, ok1 := c.uint16()
	random, ok2 := c.take(32)
	session, ok3 := c.vector(1)
	suite, ok4 := c.uint16()
	compression, ok5 := c.take(1)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return errShort
	}
	r.Version, r.Suite, r.Compression, r.Resumable = version, suite, compression[0], len(session) > 0
	r.Retry = bytes.Equal(random, retryRandom)
	extensions, ok := c.vector(2)
	if !ok {
		if len(c) == 0 { // SSL 3.0 and simple servers: no extensions
			return nil
		}
		return errShort
	}
	for len(extensions) > 0 {
		id, ok1 := extensions.uint16()
		body, ok2 := extensions.vector(2)
		if !ok1 || !ok2 {
			return errShort
		}
		r.Extensions = append(r.Extensions, id)
		switch id {
		case extVersions:
			r.Version, _ = body.uint16()
		case extKeyShare:
			group, _ := body.uint16()
			r.Group = tls.CurveID(group)
		case extALPN:
			list, _ := body.vector(2)
			name, _ := list.vector(1)
			r.Protocol = string(name)
		}
	}
	return nil
}

func (r *Reply) certificate(c cursor) error {
	list, ok := c.vector(3)
	for ok && len(list) > 0 {
		var cert cursor
		if cert, ok = list.vector(3); ok {
			r.Certificates = append(r.Certificates, slices.Clone(cert))
		}
	}
	if !ok {
		return errShort
	}
	return nil
}

// keyExchange reads a ServerKeyExchange (RFC 5246, section 7.4.3; RFC 8422,
// section 5.4). Its two forms are told apart by how they begin: a named curve,
// or the length of a prime, of which no usual one is mistaken for the other.
func (r *Reply) keyExchange(c cursor) error {
	const namedCurve, lastCurve = 3, 0x29
	if len(c) > 3 && c[0] == namedCurve && c[1] == 0 && c[2] <= lastCurve {
		c.take(1)
		group, _ := c.uint16()
		r.Group = tls.CurveID(group)
		if _, ok := c.vector(1); !ok {
			return errShort
		}
	} else {
		prime, ok1 := c.vector(2)
		_, ok2 := c.vector(2)
		_, ok3 := c.vector(2)
		if !ok1 || !ok2 || !ok3 {
			return errShort
		}
		prime = bytes.TrimLeft(prime, "\x00")
		r.DHBits = len(prime) * 8
		if len(prime) > 0 {
			for top := prime[0]; top < 0x80; top <<= 1 {
				r.DHBits--
			}
		}
	}
	if scheme, ok := c.uint16(); ok && r.Version == tls.VersionTLS12 && len(c) > 0 {
		r.Signature = tls.SignatureScheme(scheme)
	}
	return nil
}
