package audit

import (
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"slices"
	"testing"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

// rawServer begins handshakes as no library of today does. It goes up to its ServerHelloDone.
type rawServer struct {
	version     uint16
	suite       uint16
	compression byte   // takes this one if it is offered
	primeBits   int    // of finite field Diffie-Hellman; 0: static keys
	ssl2        bool   // answers SSL 2.0
	chain       []byte // as a Certificate message has it
}

func (s rawServer) handle(conn net.Conn) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		return
	}
	if head[0]&0x80 != 0 && s.ssl2 {
		io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint16(head)&0x7fff)-3)
		conn.Write([]byte{0x80, 14, 4, 0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 1, 0, 0x80})
		return
	}
	if head[0] != recordHandshake {
		return
	}
	body := make([]byte, binary.BigEndian.Uint16(head[3:]))
	if _, err := io.ReadFull(conn, body); err != nil || len(body) < 40 {
		return
	}
	suites, compressions := offered(body)
	if binary.BigEndian.Uint16(body[4:]) != s.version || !slices.Contains(suites, s.suite) {
		conn.Write([]byte{21, 3, 0, 0, 2, 2, 40}) // handshake_failure
		return
	}
	compression := byte(0)
	if slices.Contains(compressions, s.compression) {
		compression = s.compression
	}
	serverHello := slices.Concat(u16(s.version), make([]byte, 32), []byte{0}, u16(s.suite), []byte{compression})
	flight := slices.Concat(message(2, serverHello), message(11, v24(s.chain)))
	if s.primeBits > 0 {
		prime := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(s.primeBits)), big.NewInt(105)).Bytes()
		flight = append(flight, message(12, slices.Concat(v16(prime), v16([]byte{2}), v16(prime), v16(make([]byte, 256))))...)
	}
	flight = append(flight, message(14, nil)...)
	conn.Write(slices.Concat([]byte{recordHandshake, 3, byte(s.version)}, v16(flight)))
	io.Copy(io.Discard, conn)
}

// offered reads suites and compressions of a ClientHello.
func offered(b []byte) (suites []uint16, compressions []byte) {
	b = b[4+2+32:]
	b = b[1+int(b[0]):]
	n := int(binary.BigEndian.Uint16(b))
	for i := 2; i < 2+n; i += 2 {
		suites = append(suites, binary.BigEndian.Uint16(b[i:]))
	}
	b = b[2+n:]
	return suites, b[1 : 1+int(b[0])]
}

func u16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
func v16(b []byte) []byte { return append(u16(uint16(len(b))), b...) }
func v24(b []byte) []byte {
	return append([]byte{byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
}
func message(kind byte, body []byte) []byte { return append([]byte{kind}, v24(body)...) }

// What crypto/tls cannot be made to do.
func TestRawServers(t *testing.T) {
	a := newAuthority(t)
	chain := append(v24(a.leaf(t, nil).Cert.Raw), v24(a.between.Cert.Raw)...)
	for _, test := range []struct {
		name   string
		server rawServer
		finds  []string
		grade  string
	}{
		{"weak DH", rawServer{version: 0x0303, suite: 0x009e, primeBits: 1024}, []string{"weak-dh"}, "B"},
		{"broken DH", rawServer{version: 0x0303, suite: 0x009e, primeBits: 768}, []string{"broken-dh"}, "F"},
		{"SSL 3", rawServer{version: 0x0300, suite: 0x002f}, []string{"ssl3", "cbc-ssl3"}, "C"},
		{"SSL 2", rawServer{version: 0x0303, suite: 0x009e, primeBits: 2048, ssl2: true}, []string{"ssl2"}, "F"},
		{"compression", rawServer{version: 0x0303, suite: 0x009e, primeBits: 2048, compression: 1}, []string{"compression"}, "C"},
		{"export", rawServer{version: 0x0301, suite: 0x0014, primeBits: 512}, []string{"export", "broken-dh"}, "F"},
		{"no encryption", rawServer{version: 0x0303, suite: 0x003b}, []string{"null-cipher"}, "F"},
		{"anonymous", rawServer{version: 0x0303, suite: 0x00a6, primeBits: 2048}, []string{"anonymous"}, "F"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.server.chain = chain
			r := audited(t, serve(t, test.server.handle), Options{Protocol: TLS, Name: mailName, Roots: testca.Roots(a.root)})
			for _, id := range test.finds {
				if !slices.Contains(above(r), id) {
					t.Errorf("%s is not found, but %q", id, above(r))
				}
			}
			if r.Grade.Letter != test.grade {
				t.Errorf("grade %+v, want %s", r.Grade, test.grade)
			}
		})
	}
}
