package audit

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

// A server that renegotiates: after the handshake it reads a record, checks that
// it is the second ClientHello as RFC 5746 wants it, and answers with the beginning of a handshake.
func TestRenegotiation(t *testing.T) {
	a := newAuthority(t)
	for _, suite := range []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384} {
		config := a.policy(t)
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{suite}
		address := serve(t, func(conn net.Conn) {
			var log bytes.Buffer
			config := config.Clone()
			config.KeyLogWriter = &log
			through := &tap{Conn: conn}
			server := tls.Server(through, config)
			if server.Handshake() != nil {
				return
			}
			head := make([]byte, 5)
			if _, err := io.ReadFull(conn, head); err != nil || head[0] != recordHandshake {
				return
			}
			body := make([]byte, binary.BigEndian.Uint16(head[3:]))
			if _, err := io.ReadFull(conn, body); err != nil {
				return
			}
			random, secret := secrets(log.Bytes())
			s, err := newSealer(suite, secret["CLIENT_RANDOM"], random, serverRandom(through.out.Bytes()))
			if err != nil {
				return
			}
			plain, err := s.open(recordHandshake, 1, body)
			verify, err2 := verifyData(through.in.Bytes(), s)
			if err == nil && err2 == nil && len(verify) == 12 && plain[0] == 1 && bytes.Contains(plain, slices.Concat([]byte{0xff, 1, 0, 13, 12}, verify)) {
				conn.Write([]byte{recordHandshake, 3, 3, 0, 0})
			}
		})
		r := audited(t, address, Options{Protocol: TLS, Name: mailName, Roots: testca.Roots(a.root)})
		if !r.has("client-renegotiation") {
			t.Errorf("%x: found %q, unknown %q", suite, above(r), r.Unknown)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("* OK ready\r\na OK go\r\n")
	f.Add("220-a\r\n220 b\r\n250 STARTTLS\r\n220 go\r\n")
	f.Add("+OK\n+OK\n")
	f.Add("\"STARTTLS\"\r\nOK\r\nOK\r\n")
	f.Fuzz(func(t *testing.T, says string) {
		for p, d := range dialects {
			conn := &said{in: bytes.NewReader([]byte(says))}
			err := d.startTLS(conn, "")
			if len(d.steps) > 0 && err == nil && conn.in.Len() > 0 {
				t.Errorf("%s: what follows STARTTLS is left for TLS", p)
			}
		}
		for _, s := range dialects[IMAP].steps {
			if line, err := s.answer(bufio.NewReaderSize(bytes.NewReader([]byte(says)), maxLine)); err == nil && !s.last.MatchString(line) {
				t.Errorf("%q is taken for an answer", line)
			}
		}
	})
}

// said is a connection on which the peer has said everything.
type said struct {
	net.Conn
	in *bytes.Reader
}

func (s *said) Read(b []byte) (int, error)      { return s.in.Read(b) }
func (s *said) Write(b []byte) (int, error)     { return len(b), nil }
func (s *said) SetReadDeadline(time.Time) error { return nil }

func FuzzWire(f *testing.F) {
	f.Add([]byte("\x16\x03\x03\x00\x0e\x04\x00\x00\x0a\x00\x01\x51\x80\x00\x04aaaa\x14\x03\x03\x00\x01\x01"))
	f.Add([]byte("\x17\x03\x03\x00\x05abcde\x16\x03\x03\x00\x00"))
	f.Add([]byte("\x80\x0e\x04\x00\x01\x00\x02\x00\x00\x00\x03\x00\x00\x01\x00\x80"))
	f.Add([]byte("CLIENT_RANDOM 00 11\nSERVER_TRAFFIC_SECRET_0 00 22\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, hint := clearTicket(b)
		if hint && len(b) < 5+4+4 {
			t.Errorf("%x has a ticket", b)
		}
		for _, suite := range []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256} {
			if _, ok := sealedTicket(b, suite, []byte("secret")); ok {
				t.Errorf("%x opens", b)
			}
		}
		s, err := newSealer(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, []byte("master"), nil, serverRandom(b))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifyData(b, s); err == nil {
			t.Errorf("%x opens", b)
		}
		sealed := s.seal(recordHandshake, 1, b)
		if len(b) < 1<<14 {
			for kind, body := range records(sealed) {
				if plain, err := s.open(kind, 1, body); err != nil || !bytes.Equal(plain, b) {
					t.Errorf("%x is %x when opened, %v", b, plain, err)
				}
			}
		}
		secrets(b)
		ssl2Accepts(bytes.NewReader(b))
		beginsAnew(&said{in: bytes.NewReader(b)}, time.Second)
	})
}
