package tlspolicy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

var p256 = elliptic.P256()

// Short names for what nearly every test needs.
type issued = testca.Issued

var (
	issue     = testca.Issue
	ecdsaKey  = testca.Curve
	rsaKey    = testca.RSA
	authority = testca.Authority
	certPEM   = testca.PEM
	keyPEM    = testca.KeyPEM
)

// write puts data into a new file with exactly this mode.
func write(t testing.TB, name string, data []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := errors.Join(os.WriteFile(path, data, 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

// handshake connects client and server on the loopback interface and returns
// both errors. Loopback, not net.Pipe: an alert must find room to be written.
func handshake(t testing.TB, server, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan error, 1)
	go func() {
		raw, err := listener.Accept()
		if err != nil {
			done <- err
			return
		}
		defer raw.Close()
		raw.SetDeadline(time.Now().Add(10 * time.Second))
		conn := tls.Server(raw, server)
		if err := conn.Handshake(); err != nil {
			done <- err
			return
		}
		_, err = conn.Write([]byte{'+'})
		done <- err
	}()
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(10 * time.Second))
	conn := tls.Client(raw, client)
	clientErr = conn.Handshake()
	if clientErr == nil {
		// In TLS 1.3 the server's verdict arrives after the client's handshake.
		_, clientErr = conn.Read(make([]byte, 1))
	}
	state = conn.ConnectionState()
	raw.Close()
	return state, <-done, clientErr
}

// problem returns the problem that err tells, or "".
func problem(err error) Problem {
	var e *CertificateError
	if errors.As(err, &e) {
		return e.Problem
	}
	return ""
}

func sec1(t testing.TB, i *issued) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(i.Key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pkcs1(t testing.TB, i *issued) []byte {
	t.Helper()
	return x509.MarshalPKCS1PrivateKey(i.Key.(*rsa.PrivateKey))
}
