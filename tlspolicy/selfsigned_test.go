package tlspolicy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestSelfSignedServes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "tls")
	cert, err := SelfSigned(dir, "mail.example.org", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, SelfSignedCert))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) || bytes.Contains(data, []byte("PRIVATE")) {
		t.Fatalf("not a public certificate: %s", data)
	}
	for _, p := range []Policy{Intermediate, Modern} {
		server, err := p.Server(cert)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"localhost", "127.0.0.1", "::1", "mail.example.org", "192.0.2.1"} {
			client, err := Modern.Client(name)
			if err != nil {
				t.Fatal(err)
			}
			client.RootCAs = roots
			if _, _, err := handshake(t, server, client); err != nil {
				t.Errorf("%s, %s: %v", p, name, err)
			}
		}
	}
	for file, want := range map[string]os.FileMode{SelfSignedFile: 0o600, SelfSignedCert: 0o644} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v", file, info.Mode(), err)
		}
	}
	leaf := cert.Leaf
	if leaf.IsCA || leaf.NotAfter.Sub(leaf.NotBefore) > 366*24*time.Hour || leaf.SerialNumber.BitLen() < 64 {
		t.Errorf("CA %v, from %v to %v, serial %x", leaf.IsCA, leaf.NotBefore, leaf.NotAfter, leaf.SerialNumber)
	}
	if host, _ := os.Hostname(); certifiable(host) && leaf.VerifyHostname(host) != nil {
		t.Errorf("not valid for this machine, %q: %q", host, leaf.DNSNames)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("folder holds %v", entries)
	}
}

func TestSelfSignedIsReusedAndRenewed(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	make := func(at time.Time, names ...string) tls.Certificate {
		t.Helper()
		cert, err := selfSigned(dir, names, at)
		if err != nil {
			t.Fatal(err)
		}
		public, err := os.ReadFile(filepath.Join(dir, SelfSignedCert))
		if block, _ := pem.Decode(public); err != nil || block == nil || !bytes.Equal(block.Bytes, cert.Leaf.Raw) {
			t.Fatalf("%s is not the certificate in use (%v)", SelfSignedCert, err)
		}
		return cert
	}
	day := 24 * time.Hour
	first := make(now)
	steps := []struct {
		name  string
		at    time.Time
		names []string
		same  bool // as the one before
	}{
		{"restart", now, nil, true},
		{"named again", now, []string{"LOCALHOST", "0:0:0:0:0:0:0:1"}, true},
		{"another name", now, []string{"mail.example.org"}, false},
		{"a name less", now, nil, true},
		{"31 days left", now.Add(365*day - time.Hour - 31*day), nil, true},
		{"29 days left", now.Add(336 * day), nil, false},
		{"long expired", now.Add(2000 * day), nil, false},
	}
	for _, step := range steps {
		next := make(step.at, step.names...)
		if same := bytes.Equal(next.Certificate[0], first.Certificate[0]); same != step.same {
			t.Errorf("%s: reused %v, want %v", step.name, same, step.same)
		}
		first = next
	}
	// The public file is restored when it is lost.
	if err := os.Remove(filepath.Join(dir, SelfSignedCert)); err != nil {
		t.Fatal(err)
	}
	make(now.Add(2001 * day))
}

func TestSelfSignedKeepsWhatItCannotUse(t *testing.T) {
	for name, test := range map[string]struct {
		data []byte
		mode os.FileMode
		want Problem
	}{
		"garbage": {[]byte("my notes"), 0o600, NoCertificate},
		"exposed": {nil, 0o644, Exposed},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, SelfSignedFile)
			if _, err := SelfSigned(dir); err != nil {
				t.Fatal(err)
			}
			if test.data != nil {
				if err := os.WriteFile(path, test.data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			if _, err := SelfSigned(dir); problem(err) != test.want {
				t.Errorf("error %v, want problem %q", err, test.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was replaced")
			}
		})
	}
}

func TestSelfSignedNames(t *testing.T) {
	for _, bad := range []string{"", "a b", "exämple.org", "mail_host", "-a", "a-", "a..b", "a.", "*", "a.*.b", string(make([]byte, 300))} {
		if _, err := SelfSigned(t.TempDir(), bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	got, err := selfSignedNames([]string{"*.Example.org", "2001:db8:0::1"})
	if err != nil || !slices.Contains(got, "*.example.org") || !slices.Contains(got, "2001:db8::1") {
		t.Errorf("names %q, %v", got, err)
	}
}
