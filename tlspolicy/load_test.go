package tlspolicy

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	root := issue(t, nil, ecdsaKey(t, elliptic.P256()), authority("root"))
	middle := issue(t, root, ecdsaKey(t, elliptic.P256()), authority("intermediate"))
	key := ecdsaKey(t, elliptic.P256())
	leaf := issue(t, middle, key, nil)
	edited := func(edit func(*x509.Certificate)) []byte { return certPEM(issue(t, middle, key, edit), middle) }
	good, goodKey := certPEM(leaf, middle), keyPEM(t, key)
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("secret-canary")})
	oldEncrypted := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("secret-canary")})
	malformed := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret-canary")})

	tests := []struct {
		name      string
		cert, key []byte
		mode      os.FileMode
		want      Problem
		says      []string // the message must help: parts of it
	}{
		{"good", good, goodKey, 0o600, "", nil},
		{"group may read", good, goodKey, 0o640, "", nil},
		{"with root", certPEM(leaf, middle, root), goodKey, 0o600, "", nil},
		{"leaf alone", certPEM(leaf), goodKey, 0o400, "", nil},
		{"text around, parameters first", append([]byte("subject=CN\n"), good...),
			append([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), goodKey...), 0o600, "", nil},
		{"world-readable key", good, goodKey, 0o644, Exposed, []string{"0644", "chmod 600", "key.pem"}},
		{"group-writable key", good, goodKey, 0o660, Exposed, nil},
		{"key of another", good, keyPEM(t, ecdsaKey(t, elliptic.P256())), 0o600, Mismatch,
			[]string{"mail.example.org", fingerprint(key.Public()), "key.pem", "cert.pem"}},
		{"RSA key of another", good, keyPEM(t, rsaKey(t, 2048)), 0o600, Mismatch, nil},
		{"empty certificate", nil, goodKey, 0o600, NoCertificate, []string{"BEGIN CERTIFICATE"}},
		{"empty key", good, nil, 0o600, NoKey, nil},
		{"swapped", goodKey, good, 0o600, NoCertificate, []string{"PRIVATE KEY", "is this the file of the key?"}},
		{"certificate as key", good, good, 0o600, NoKey, []string{"is this the file of the certificate?"}},
		{"encrypted key", good, encrypted, 0o600, EncryptedKey, []string{"openssl pkey"}},
		{"encrypted key, old form", good, oldEncrypted, 0o600, EncryptedKey, nil},
		{"malformed key", good, malformed, 0o600, Malformed, []string{"PRIVATE KEY"}},
		{"malformed certificate", bytes.ReplaceAll(malformed, []byte("PRIVATE KEY"), []byte("CERTIFICATE")), goodKey, 0o600, Malformed, []string{"certificate 1"}},
		{"reversed", certPEM(middle, leaf), goodKey, 0o600, ChainOrder, []string{"put that one first", "mail.example.org"}},
		{"gap", certPEM(leaf, root), goodKey, 0o600, ChainOrder, []string{"certificate 2", "root"}},
		{"expired", edited(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = past(48), past(24) }), goodKey, 0o600, Expired,
			[]string{past(24).UTC().Format("2006-01-02"), "renew"}},
		{"not yet valid", edited(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = past(-24), past(-48) }), goodKey, 0o600, NotYetValid, []string{"clock"}},
		{"expired chain", certPEM(leaf, issue(t, root, middle.Key, func(c *x509.Certificate) {
			authority("intermediate")(c)
			c.NotBefore, c.NotAfter = past(48), past(24)
		})), goodKey, 0o600, Expired, []string{"intermediate"}},
		{"no names", edited(func(c *x509.Certificate) { c.DNSNames = nil }), goodKey, 0o600, NoNames, []string{"common name"}},
		{"address only", edited(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{{127, 0, 0, 1}} }), goodKey, 0o600, "", nil},
		{"for clients", edited(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), goodKey, 0o600, WrongUse, []string{"serverAuth"}},
		{"for servers", edited(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), goodKey, 0o600, "", nil},
		{"huge", bytes.Repeat([]byte{'\n'}, maxPEM+1), goodKey, 0o600, Unreadable, []string{"larger"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			certFile, keyFile := write(t, "cert.pem", test.cert, 0o644), write(t, "key.pem", test.key, test.mode)
			cert, err := Load(certFile, keyFile)
			if problem(err) != test.want || (err == nil) != (test.want == "") {
				t.Fatalf("error %v, want problem %q", err, test.want)
			}
			if err == nil {
				if _, err := Modern.Server(cert); err != nil {
					t.Errorf("loaded, but not accepted: %v", err)
				}
				return
			}
			for _, part := range test.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("message lacks %q: %v", part, err)
				}
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("message quotes the key: %v", err)
			}
		})
	}
}

func past(hours int) time.Time { return time.Now().Add(-time.Duration(hours) * time.Hour) }

func TestLoadKeyForms(t *testing.T) {
	for name, key := range map[string]struct {
		typ string
		der func() ([]byte, *issued)
	}{
		"SEC 1": {"EC PRIVATE KEY", func() ([]byte, *issued) {
			i := issue(t, nil, ecdsaKey(t, elliptic.P384()), nil)
			return sec1(t, i), i
		}},
		"PKCS 1": {"RSA PRIVATE KEY", func() ([]byte, *issued) {
			i := issue(t, nil, rsaKey(t, 2048), nil)
			return pkcs1(t, i), i
		}},
	} {
		der, cert := key.der()
		// Key and certificate in one file, the key first.
		both := append(pem.EncodeToMemory(&pem.Block{Type: key.typ, Bytes: der}), certPEM(cert)...)
		file := write(t, "both.pem", both, 0o600)
		if _, err := Load(file, file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadFileProblems(t *testing.T) {
	cert := issue(t, nil, ecdsaKey(t, elliptic.P256()), nil)
	certFile, keyFile := write(t, "cert.pem", certPEM(cert), 0o644), write(t, "key.pem", keyPEM(t, cert.Key), 0o600)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, cert, key, file string
		want                  Problem
	}{
		{"no certificate", certFile + "x", keyFile, certFile + "x", NoFile},
		{"no key", certFile, keyFile + "x", keyFile + "x", NoFile},
		{"folder", filepath.Dir(certFile), keyFile, filepath.Dir(certFile), Unreadable},
		{"named pipe", certFile, fifo, fifo, Unreadable},
		{"file in place of a folder", certFile + "/x", keyFile, certFile + "/x", Unreadable},
		{"no path", "", keyFile, "", NoFile},
	}
	if os.Geteuid() != 0 { // root may read everything
		locked := write(t, "locked.pem", keyPEM(t, cert.Key), 0)
		tests = append(tests, struct {
			name, cert, key, file string
			want                  Problem
		}{"locked", certFile, locked, locked, Unreadable})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(test.cert, test.key)
			if problem(err) != test.want || !strings.Contains(err.Error(), test.file) {
				t.Errorf("error %v, want problem %q of %s", err, test.want, test.file)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	cert := issue(f, nil, ecdsaKey(f, elliptic.P256()), nil)
	f.Add(certPEM(cert))
	f.Add(keyPEM(f, cert.Key))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		chain, err := parseChain("file", data)
		if (err == nil) != (len(chain) > 0) || err != nil && problem(err) == "" {
			t.Errorf("%d certificates, error %v", len(chain), err)
		}
		keys, keyErr := parseKeyPEM("file", data)
		if (keyErr == nil) != (len(keys) > 0) || keyErr != nil && problem(keyErr) == "" {
			t.Errorf("%d keys, error %v", len(keys), keyErr)
		}
		if err == nil {
			checkChain("file", chain, time.Now()) // must not panic
			for _, key := range keys {
				if !matches(chain[0], key) && problem(mismatch("file", chain, "key", key)) == "" {
					t.Error("a mismatch without a problem")
				}
			}
		}
	})
}
