package tlspolicy

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// hello is a ClientHello that offers what crypto/tls would not, such as any
// cipher suite by its number.
type hello struct {
	version uint16 // TLS 1.2 or 1.3
	suites  []uint16
	sigs    []tls.SignatureScheme
}

var everySignature = []tls.SignatureScheme{
	tls.PSSWithSHA256, tls.ECDSAWithP256AndSHA256, tls.PKCS1WithSHA256, tls.Ed25519,
}

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

// record returns the ClientHello in one TLS record (RFC 8446, section 4.1.2).
func (h hello) record() []byte {
	extension := func(id uint16, body []byte) []byte { return append(list16(id), vector16(body)...) }
	extensions := slices.Concat(
		extension(10, vector16(list16(tls.X25519))), // supported_groups
		extension(11, vector8([]byte{0})),           // ec_point_formats
		extension(13, vector16(list16(h.sigs...))),  // signature_algorithms
		extension(23, nil),                          // extended_master_secret
		extension(43, vector8(list16(h.version))),   // supported_versions
		extension(51, vector16(slices.Concat(list16(tls.X25519), vector16(append(make([]byte, 31), 9))))), // key_share
	)
	body := slices.Concat(
		list16(uint16(tls.VersionTLS12)), make([]byte, 32), // random
		vector8(make([]byte, 32)), // session id, so that TLS 1.3 is in its usual form
		vector16(list16(h.suites...)),
		vector8([]byte{0}), // no compression
		vector16(extensions),
	)
	message := append([]byte{1, 0}, vector16(body)...) // client_hello, its length in 24 bits
	return append([]byte{22, 3, 1}, vector16(message)...)
}

// answer sends h to a server and returns the suite that it picked.
func (h hello) answer(t testing.TB, server *tls.Config) (suite uint16, ok bool) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if raw, err := listener.Accept(); err == nil {
			defer raw.Close()
			raw.SetDeadline(time.Now().Add(10 * time.Second))
			tls.Server(raw, server).Handshake() // fails at the latest when we hang up
		}
	}()
	defer func() { <-done }()
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(10 * time.Second))
	_, writeErr := raw.Write(h.record())
	closeErr := raw.(*net.TCPConn).CloseWrite() // the server says all it has to say, then sees the end
	reply, readErr := io.ReadAll(raw)
	if err := errors.Join(writeErr, closeErr, readErr); err != nil {
		t.Fatal(err)
	}
	return verdict(t, reply)
}

// verdict returns the suite in the ServerHello that begins reply, a sequence
// of records. An alert in clear anywhere means that the server refused: in
// TLS 1.2 it does so after its ServerHello if it cannot sign.
func verdict(t testing.TB, reply []byte) (suite uint16, ok bool) {
	t.Helper()
	for first := true; len(reply) > 0; first = false {
		if len(reply) < 5 || len(reply) < 5+int(binary.BigEndian.Uint16(reply[3:])) {
			t.Fatalf("truncated record: %x", reply)
		}
		kind, body := reply[0], reply[5:5+int(binary.BigEndian.Uint16(reply[3:]))]
		reply = reply[5+len(body):]
		if kind == 21 {
			return 0, false
		}
		if !first {
			continue
		}
		// Message type and length 4, version 2, random 32, session id 1 + n, suite 2.
		if kind != 22 || len(body) < 41 || body[0] != 2 || len(body) < 41+int(body[38]) {
			t.Fatalf("neither alert nor ServerHello: %x", body)
		}
		suite, ok = binary.BigEndian.Uint16(body[39+int(body[38]):]), true
	}
	if !ok {
		t.Fatal("no answer")
	}
	return suite, ok
}

// suites returns the names of all suites that a server takes, out of all 65,536
// numbers: what it picked is left out of the next offer, until it refuses.
func suites(t testing.TB, server *tls.Config, version uint16) (names []string) {
	t.Helper()
	const chunk = 4096 // fits a record
	for first := 0; first < 1<<16; first += chunk {
		var offer []uint16
		for id := first; id < first+chunk; id++ {
			if id != 0x5600 { // TLS_FALLBACK_SCSV is no suite and has the rest refused
				offer = append(offer, uint16(id))
			}
		}
		for {
			id, ok := hello{version, offer, everySignature}.answer(t, server)
			if !ok {
				break
			}
			names = append(names, tls.CipherSuiteName(id))
			before := len(offer)
			if offer = slices.DeleteFunc(offer, func(o uint16) bool { return o == id }); len(offer) == before {
				t.Fatalf("server picked %04x, which was not offered", id)
			}
		}
	}
	slices.Sort(names)
	return names
}

// signsSHA1 reports whether a server signs a handshake of TLS 1.2 with SHA-1.
func signsSHA1(t testing.TB, server *tls.Config) bool {
	t.Helper()
	_, ok := hello{tls.VersionTLS12, forwardSecretSuites(), []tls.SignatureScheme{tls.PKCS1WithSHA1, tls.ECDSAWithSHA1}}.answer(t, server)
	return ok
}
