package hello

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"
)

func server(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example.org"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"imap"}, MinVersion: tls.VersionTLS10}
}

// script is a connection on which everything was said before it began.
type script struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (s *script) Read(b []byte) (int, error)  { return s.in.Read(b) }
func (s *script) Write(b []byte) (int, error) { return s.out.Write(b) }
func (s *script) Close() error                { return nil }

func ask(server *tls.Config, h Hello) (Reply, error) {
	s := &script{in: bytes.NewReader(h.Bytes())}
	tls.Server(s, server).Handshake()
	return Read(&s.out)
}

func TestAsk(t *testing.T) {
	const ecdsaAES, rsaAES = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	sigs := []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}
	all := []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521, tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024}
	config := server(t)
	tls13 := Hello{Versions: []uint16{tls.VersionTLS13, tls.VersionTLS12}, Suites: []uint16{tls.TLS_AES_256_GCM_SHA384}, Groups: all, Shares: all, Signatures: sigs, EMS: true}

	for _, group := range all {
		h := tls13
		h.Groups = []tls.CurveID{group}
		r, err := ask(config, h)
		if err != nil || r.Version != tls.VersionTLS13 || r.Group != group || r.Retry || r.Suite != tls.TLS_AES_256_GCM_SHA384 {
			t.Errorf("%v: %+v, %v", group, r, err)
		}
		h.Shares = nil
		if r, err = ask(config, h); err != nil || !r.Retry || r.Group != group {
			t.Errorf("%v without a share: %+v, %v", group, r, err)
		}
	}
	many := make([]uint16, 20000)
	for i := range many {
		many[i] = uint16(0x5700 + i)
	}
	tests := []struct {
		name   string
		hello  Hello
		server []string // ALPN
		want   Reply    // of its fields those that are comparable and set here
	}{
		{"1.2", Hello{Versions: []uint16{tls.VersionTLS12}, Suites: []uint16{rsaAES, ecdsaAES}, Groups: []tls.CurveID{tls.CurveP384}, Signatures: sigs, Protocols: []string{"imap"}, EMS: true},
			[]string{"imap"}, Reply{Version: tls.VersionTLS12, Suite: ecdsaAES, Group: tls.CurveP384, Protocol: "imap", Signature: tls.ECDSAWithP256AndSHA256}},
		{"two records", Hello{Versions: []uint16{tls.VersionTLS12}, Suites: append(many, ecdsaAES), Groups: all, Signatures: sigs},
			nil, Reply{Version: tls.VersionTLS12, Suite: ecdsaAES, Group: tls.X25519, Signature: tls.ECDSAWithP256AndSHA256}},
		{"1.0", Hello{Versions: []uint16{tls.VersionTLS10}, Suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, Groups: []tls.CurveID{tls.X25519}},
			nil, Reply{Version: tls.VersionTLS10, Suite: tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, Group: tls.X25519}},
		{"no common suite", Hello{Versions: []uint16{tls.VersionTLS12}, Suites: []uint16{5}, Groups: all, Signatures: sigs}, nil, Reply{Refused: true, Alert: 40}},
		{"no common protocol", Hello{Versions: []uint16{tls.VersionTLS12}, Suites: []uint16{ecdsaAES}, Groups: all, Signatures: sigs, Protocols: []string{"h2"}},
			[]string{"imap"}, Reply{Refused: true, Alert: 120}},
		{"fallback", Hello{Versions: []uint16{tls.VersionTLS12}, Suites: []uint16{ecdsaAES, FallbackSCSV}, Groups: all, Signatures: sigs}, nil, Reply{Refused: true, Alert: 86}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config.NextProtos = test.server
			got, err := ask(config, test.hello)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Refused && len(got.Certificates) != 1 {
				t.Errorf("%d certificates", len(got.Certificates))
			}
			if test.hello.EMS != slices.Contains(got.Extensions, ExtEMS) {
				t.Errorf("extensions %d", got.Extensions)
			}
			got.Certificates, got.Extensions = nil, nil
			if got.Version != test.want.Version || got.Suite != test.want.Suite || got.Group != test.want.Group || got.Protocol != test.want.Protocol ||
				got.Signature != test.want.Signature || got.Refused != test.want.Refused || got.Alert != test.want.Alert {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// A prime of finite field Diffie-Hellman, as RFC 5246 writes it.
func TestDHBits(t *testing.T) {
	for _, bits := range []int{512, 1024, 2048, 2047, 3072, 4096, 6144, 8192} {
		prime := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(bits)), big.NewInt(1)).Bytes()
		message := slices.Concat(vector16(prime), vector16([]byte{2}), vector16(prime), []byte{4, 1}, vector16(make([]byte, 256)))
		r := Reply{Version: tls.VersionTLS12}
		if err := r.keyExchange(message); err != nil || r.DHBits != bits || r.Group != 0 || r.Signature != tls.PKCS1WithSHA256 {
			t.Errorf("%d bits: %+v, %v", bits, r, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, answer := range map[string]string{
		"a greeting":        "* OK IMAP4rev1 ready\r\n",
		"HTTP":              "HTTP/1.1 400 Bad Request\r\n\r\n",
		"application data":  "\x17\x03\x03\x00\x01a",
		"a long alert":      "\x15\x03\x03\x00\x03abc",
		"a short hello":     "\x16\x03\x03\x00\x06\x02\x00\x00\x02\x03\x03",
		"a short list":      "\x16\x03\x03\x00\x07\x0b\x00\x00\x03\x00\x00\x09",
		"a short extension": "\x16\x03\x03\x00\x30\x02\x00\x00\x2c\x03\x03" + string(make([]byte, 36)) + "\x00\x04\x00\x01\x00\x09",
	} {
		if r, err := Read(bytes.NewReader([]byte(answer))); !errors.Is(err, ErrNotTLS) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if _, err := Read(bytes.NewReader(bytes.Repeat([]byte("\x16\x03\x03\x01\x00"+string(bytes.Repeat([]byte{255}, 256))), 2000))); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an endless message: %v", err)
	}
	if _, err := Read(bytes.NewReader(nil)); err != io.EOF {
		t.Errorf("nothing: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	config := server(f)
	for _, h := range []Hello{
		{Versions: []uint16{tls.VersionTLS12}, Suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, Groups: []tls.CurveID{tls.X25519}, Signatures: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}},
		{Versions: []uint16{tls.VersionTLS13}, Suites: []uint16{tls.TLS_AES_128_GCM_SHA256}, Groups: []tls.CurveID{tls.X25519}},
		{Versions: []uint16{tls.VersionTLS12}},
	} {
		s := &script{in: bytes.NewReader(h.Bytes())}
		tls.Server(s, config).Handshake()
		f.Add(s.out.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Read(bytes.NewReader(b))
		if err == nil && !r.Refused && r.Version == 0 && len(b) < 9 {
			t.Errorf("%x is taken for an answer", b)
		}
		if r.DHBits > 8*len(b) {
			t.Errorf("%d bits from %d bytes", r.DHBits, len(b))
		}
	})
}
