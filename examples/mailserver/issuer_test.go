package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// authorityFolder is where mailissuer finds its authority: ca.crt and ca.key.
const authorityFolder = "MAILISSUER_FOLDER"

// mailissuer is a command as the setting issuer wants it, for tests. What it revokes it writes to a file.
func mailissuer() {
	if err := mailissue(os.Getenv(authorityFolder), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func mailissue(dir string, args []string) error {
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	if args[0] == "revoke" {
		return os.WriteFile(filepath.Join(dir, "revoked-"+args[1]+".pem"), in, 0o600)
	}
	block, _ := pem.Decode(in)
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return err
	}
	ca, err1 := readCertificate(filepath.Join(dir, "ca.crt"))
	data, err2 := os.ReadFile(filepath.Join(dir, "ca.key"))
	if err := errors.Join(request.CheckSignature(), err1, err2); err != nil {
		return err
	}
	key, err := x509.ParseECPrivateKey(data)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: request.DNSNames, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, request.PublicKey, key)
	if err != nil {
		return err
	}
	return pem.Encode(os.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// writeAuthority makes an authority in dir and has it issue mail.crt and mail.key.
func writeAuthority(t *testing.T, dir string) (ca, mail *x509.Certificate) {
	t.Helper()
	t.Setenv(authorityFolder, dir)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	der, err1 := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	private, err2 := x509.MarshalECPrivateKey(key)
	own, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "ca.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(filepath.Join(dir, "ca.key"), private, 0o600)); err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{DNSNames: []string{"mail.example.org"}}
	chain, err1 := findIssuer(t).Issue(t.Context(), leaf, own)
	private, err2 = x509.MarshalPKCS8PrivateKey(own)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "mail.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[0]}), 0o600),
		os.WriteFile(filepath.Join(dir, "mail.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)); err != nil {
		t.Fatal(err)
	}
	return fileCertificate(t, filepath.Join(dir, "ca.crt")), fileCertificate(t, filepath.Join(dir, "mail.crt"))
}

func findIssuer(t *testing.T) issuerCommand {
	t.Helper()
	path, err := exec.LookPath("mailissuer")
	if err != nil {
		t.Fatal(err)
	}
	return issuerCommand(path)
}

func readCertificate(file string) (*x509.Certificate, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM", file)
	}
	return x509.ParseCertificate(block.Bytes)
}

func fileCertificate(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	c, err := readCertificate(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
