package tlspolicy

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// maxPEM bounds a certificate or key file, in bytes. A long chain of RSA
// certificates with its text form takes some 50 KiB.
const maxPEM = 1 << 20

// Load reads a certificate chain (the server's own certificate first, then the
// one that issued it, and so on) and its private key from two PEM files, which
// may be the same file. Files that certbot, lego and acme.sh write can be used
// as they are: fullchain.pem and privkey.pem.
//
// If the key file holds several keys, that of the certificate is taken.
//
// Load refuses, with a [*CertificateError], everything that clients would stumble
// over: a certificate that is expired, not yet valid, without names, not meant
// for servers, in a chain of the wrong order or of another key; and a key that
// every user of the machine can read.
func Load(certFile, keyFile string) (tls.Certificate, error) {
	return load(certFile, keyFile, time.Now())
}

func load(certFile, keyFile string, now time.Time) (tls.Certificate, error) {
	chain, err := loadChain(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	keys, err := loadKeys(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	own := slices.IndexFunc(keys, func(key crypto.Signer) bool { return matches(chain[0], key) })
	if own < 0 {
		return tls.Certificate{}, mismatch(certFile, chain, keyFile, keys[0])
	}
	if err := checkChain(certFile, chain, now); err != nil {
		return tls.Certificate{}, err
	}
	cert := tls.Certificate{PrivateKey: keys[own], Leaf: chain[0]}
	for _, c := range chain {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert, nil
}

func loadChain(file string) ([]*x509.Certificate, error) {
	data, _, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return parseChain(file, data)
}

func parseChain(file string, data []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	var others []string
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			others = append(others, block.Type)
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &CertificateError{file, Malformed, fmt.Sprintf("certificate %d cannot be parsed", len(chain)+1), err}
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, &CertificateError{file, NoCertificate, "has no CERTIFICATE block" + found(others, "key"), nil}
	}
	return chain, nil
}

// exposedTo are the permission bits that a key file may not have: others may
// neither read nor write it, the group may not write it. Group readers are
// allowed because Debian's ssl-cert group works that way.
const exposedTo fs.FileMode = 0o027

func loadKeys(file string) ([]crypto.Signer, error) {
	data, mode, err := readFile(file)
	if err != nil {
		return nil, err
	}
	if mode.Perm()&exposedTo != 0 {
		return nil, &CertificateError{file, Exposed, fmt.Sprintf(
			"other users may read or change this private key (mode %04o); run: chmod 600 %q; a key that strangers may have read should be replaced",
			mode.Perm(), file), nil}
	}
	return parseKeyPEM(file, data)
}

// parseKeyPEM returns the private keys in data, at least one.
func parseKeyPEM(file string, data []byte) ([]crypto.Signer, error) {
	var keys []crypto.Signer
	var others []string
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			others = append(others, block.Type)
			continue
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, &CertificateError{file, EncryptedKey,
				"the private key is protected by a passphrase, which a server cannot type; write it without one: openssl pkey -in FILE -out NEWFILE", nil}
		}
		key, err := parseKey(block.Bytes)
		if err != nil {
			// The parser's own error may quote what it read: it stays here.
			return nil, &CertificateError{file, Malformed, fmt.Sprintf("the %s block cannot be parsed as an ECDSA, RSA or Ed25519 key", block.Type), nil}
		}
		keys = append(keys, key)
	}
	if len(keys) > 0 {
		return keys, nil
	}
	return nil, &CertificateError{file, NoKey, "has no PRIVATE KEY block" + found(others, "certificate"), nil}
}

func parseKey(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, errors.New("not a signing key")
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	return x509.ParsePKCS1PrivateKey(der)
}

// found says what a file holds instead of what was wanted.
func found(types []string, swapped string) string {
	if len(types) == 0 {
		return "; a PEM file begins with a line like -----BEGIN CERTIFICATE-----"
	}
	return fmt.Sprintf(", only %s; is this the file of the %s?", strings.Join(types[:min(len(types), 3)], ", "), swapped)
}

// readFile reads a file of bounded size and returns its mode as it was when read.
func readFile(file string) ([]byte, fs.FileMode, error) {
	// Not blocking: a named pipe in place of the file must not stop the server.
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, &CertificateError{file, NoFile, "there is no such file", fs.ErrNotExist}
	case errors.Is(err, fs.ErrPermission):
		return nil, 0, &CertificateError{file, Unreadable, fmt.Sprintf(
			"the user of this process (uid %d) may not read it or one of its folders", os.Geteuid()), fs.ErrPermission}
	case err != nil:
		return nil, 0, &CertificateError{file, Unreadable, "cannot be opened", errors.Unwrap(err)}
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		return nil, 0, &CertificateError{file, Unreadable, "is not a regular file", nil}
	}
	var data []byte
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(f, maxPEM+1))
	}
	if err != nil {
		return nil, 0, &CertificateError{file, Unreadable, "cannot be read", err}
	}
	if len(data) > maxPEM {
		return nil, 0, &CertificateError{file, Unreadable, fmt.Sprintf("is larger than %d bytes, too large for certificates", maxPEM), nil}
	}
	return data, info.Mode(), nil
}
