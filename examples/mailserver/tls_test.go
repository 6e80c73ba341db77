package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailhavn/mailhavn/storage"
)

// putCertificate makes a certificate for a name and puts it into a folder, as lego does.
func putCertificate(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	cert, err := signOneself(dir, &x509.Certificate{DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func signOneself(dir string, template *x509.Certificate) (*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	der, err1 := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	private, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2, os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	for file, block := range map[string]*pem.Block{".key": {Type: "PRIVATE KEY", Bytes: private}, ".crt": {Type: "CERTIFICATE", Bytes: der}} {
		path := filepath.Join(dir, template.DNSNames[0]+file)
		if err := errors.Join(os.WriteFile(path+".tmp", pem.EncodeToMemory(block), 0o600), os.Rename(path+".tmp", path)); err != nil {
			return nil, err
		}
	}
	return x509.ParseCertificate(der)
}

// scriptCertificate makes a certificate as putCertificate does, which ends in so many days and has the policy OID, if one is named.
func scriptCertificate(ts *testscript.TestScript, _ bool, args []string) {
	days, err := strconv.Atoi(args[2])
	ts.Check(err)
	template := &x509.Certificate{DNSNames: args[1:2], NotBefore: time.Now().AddDate(0, 0, days-90), NotAfter: time.Now().AddDate(0, 0, days)}
	for _, policy := range args[3:] {
		oid, err := x509.ParseOID(policy)
		ts.Check(err)
		template.Policies = append(template.Policies, oid)
	}
	_, err = signOneself(ts.MkAbs(args[0]), template)
	ts.Check(err)
}

// A renewed certificate reaches clients within a second, on every service, and each name has its own.
func TestCertificatesAreFollowed(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "lego")
	first := map[string]*x509.Certificate{"a.example.org": putCertificate(t, folder, "a.example.org"), "b.example.org": putCertificate(t, folder, "b.example.org")}
	srv, err := newServer(settings{Data: filepath.Join(dir, "d"), IMAPS: "127.0.0.1:0", WKD: "127.0.0.1:0", Certs: folder, TLSPolicy: "modern", MaxMessageSize: 1 << 20},
		storage.Options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	srv.start()
	defer srv.close()
	served := func(service int, name string) *x509.Certificate {
		t.Helper()
		conn, err := tls.Dial("tcp", addressOf(srv.services[service].listener), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if conn.ConnectionState().Version != tls.VersionTLS13 {
			t.Error("not policy modern")
		}
		return conn.ConnectionState().PeerCertificates[0]
	}
	for service := range srv.services {
		for name, cert := range first {
			if !served(service, name).Equal(cert) {
				t.Errorf("service %d, %s: wrong certificate", service, name)
			}
		}
	}
	next := putCertificate(t, folder, "b.example.org")
	for begin := time.Now(); !served(0, "b.example.org").Equal(next); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > time.Second+time.Second/2 { // the handshakes take some time too
			t.Fatal("the renewed certificate is not served")
		}
	}
	if !served(1, "b.example.org").Equal(next) || !served(0, "a.example.org").Equal(first["a.example.org"]) {
		t.Error("wrong certificates after the renewal")
	}
}

// Until the authority has issued a certificate, the self-signed one is served; then the authority's, by every service.
func TestACME(t *testing.T) {
	dir := t.TempDir()
	srv, err := newServer(settings{Data: filepath.Join(dir, "d"), Hostname: "mail.example.org", IMAPS: "127.0.0.1:0", WKD: "127.0.0.1:0", MaxMessageSize: 1 << 20,
		ACME: &acmeTable{Names: []string{"mail.example.org"}, Agreed: true, Directory: "https://127.0.0.1:1/nobody"}},
		storage.Options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	srv.start()
	defer srv.close()
	served := func(service int) *x509.Certificate {
		t.Helper()
		conn, err := tls.Dial("tcp", addressOf(srv.services[service].listener), &tls.Config{ServerName: "mail.example.org", InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0]
	}
	own := fileCertificate(t, filepath.Join(dir, "d", "tls", "selfsigned.crt"))
	if !served(0).Equal(own) || !served(1).Equal(own) {
		t.Error("without a certificate of the authority, nothing is served")
	}
	issued := putCertificate(t, filepath.Join(acmeCertificates(filepath.Join(dir, "d")), "authority", "mail.example.org"), "mail.example.org")
	srv.certs.Reload()
	if !served(0).Equal(issued) || !served(1).Equal(issued) {
		t.Error("the certificate of the authority is not served")
	}
}
