package certs

import (
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

// A pair is replaced in its files, through links and with their modes, and served when Replace returns.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	_, cert, key := leaf(t, "a.example.org")
	both, _, _ := leaf(t, "b.example.org")
	put(t, dir, "archive/fullchain1.pem", cert, "archive/privkey1.pem", key, "both.pem", append(testca.PEM(both), testca.KeyPEM(t, both.Key)...))
	certFile, keyFile, bothFile := filepath.Join(dir, "fullchain.pem"), filepath.Join(dir, "privkey.pem"), filepath.Join(dir, "both.pem")
	if err := errors.Join(os.Symlink("archive/fullchain1.pem", certFile), os.Symlink("archive/privkey1.pem", keyFile),
		os.Chmod(keyFile, 0o640)); err != nil {
		t.Fatal(err)
	}
	refuse := errors.New("not this one")
	s := mustOpen(t, Options{Pairs: []Pair{{Cert: certFile, Key: keyFile}, {Cert: bothFile, Key: bothFile}}, Check: func(_ string, chain []*x509.Certificate) error {
		if chain[0].DNSNames[0] == "refused.example.org" {
			return refuse
		}
		return nil
	}})
	put(t, dir, "fullchain.pem.sctl", []byte("of the old one"))
	for file, name := range map[string]string{certFile: "a.example.org", bothFile: "b.example.org"} {
		next, _, _ := leaf(t, name)
		keys := map[string]string{certFile: keyFile, bothFile: bothFile}[file]
		if err := s.Replace(file, keys, next.Pair()); err != nil {
			t.Fatal(err)
		}
		if c := served(t, s, modern(name)); !c.Equal(next.Cert) {
			t.Errorf("%s: the old one is served", name)
		}
		if again, err := tlspolicy.Load(file, keys); err != nil || !again.Leaf.Equal(next.Cert) {
			t.Error(err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "archive/privkey1.pem")); err != nil || info.Mode() != 0o640 {
		t.Error("link or mode is lost:", info, err)
	}
	if text, _ := os.ReadFile(keyFile); strings.Count(string(text), "PRIVATE KEY") != 2 { // begin and end
		t.Error("the old key is still there")
	}
	if _, err := os.Stat(certFile + ".sctl"); !errors.Is(err, os.ErrNotExist) {
		t.Error("timestamps of the old one are left")
	}
	before, _ := os.ReadFile(certFile)
	refused, _, _ := leaf(t, "refused.example.org")
	weak := testca.Issue(t, nil, testca.Curve(t, elliptic.P521()), nil)
	for _, bad := range []*testca.Issued{refused, weak} {
		if err := s.Replace(certFile, keyFile, bad.Pair()); err == nil {
			t.Error("a bad certificate was taken")
		}
	}
	if after, _ := os.ReadFile(certFile); string(after) != string(before) {
		t.Error("a refused certificate was written")
	}
	if err := s.Replace(filepath.Join(dir, "other.pem"), keyFile, both.Pair()); err == nil || !strings.Contains(err.Error(), "does not serve them") {
		t.Error(err)
	}
}

// After each write the files hold the old pair or the new one, whole.
func TestReplaceInterrupted(t *testing.T) {
	old, cert, key := leaf(t, "a.example.org")
	next, _, _ := leaf(t, "a.example.org")
	for stop := range 4 {
		dir := t.TempDir()
		put(t, dir, "a.crt", cert, "a.key", key)
		certFile, keyFile := filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key")
		// The second time over what an interruption has left.
		for _, upTo := range []int{stop, 3} {
			writes, err := replacement(certFile, keyFile, next.Pair())
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range writes[:upTo] {
				put(t, dir, filepath.Base(w.file), w.data)
				if c, err := tlspolicy.Load(certFile, keyFile); err != nil || !c.Leaf.Equal(old.Cert) && !c.Leaf.Equal(next.Cert) {
					t.Errorf("after write of %s: %v", w.file, err)
				}
			}
		}
		if c, err := tlspolicy.Load(certFile, keyFile); err != nil || !c.Leaf.Equal(next.Cert) {
			t.Error(err)
		}
	}
}

// A certificate of last resort is served until there is another, by name or by wildcard, and for what the others lack.
func TestLastResort(t *testing.T) {
	for _, fallback := range []string{"", "a.example.org", "x.example.net"} {
		dir := t.TempDir()
		own, cert, key := leaf(t, "a.example.org", "b.example.org", "c.example.net")
		put(t, dir, "own.crt", cert, "own.key", key)
		put(t, dir, "others/empty", []byte{})
		s := mustOpen(t, Options{Default: fallback, Folders: []string{filepath.Join(dir, "others")}, Pairs: []Pair{
			{Cert: filepath.Join(dir, "own.crt"), Key: filepath.Join(dir, "own.key"), LastResort: true}}})
		_, anyCert, anyKey := leaf(t, "*.example.org", "x.example.net")
		if c := served(t, s, modern("a.example.org")); !c.Equal(own.Cert) {
			t.Error("nothing is served before there is another")
		}
		if c := served(t, s, modern("")); !c.Equal(own.Cert) {
			t.Error("nothing is served by default before there is another")
		}
		put(t, dir, "others/any.crt", anyCert, "others/any.key", anyKey)
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		for name, last := range map[string]bool{"a.example.org": false, "b.example.org": false, "c.example.net": true, "": false} {
			if c := served(t, s, modern(name)); c.Equal(own.Cert) != last {
				t.Errorf("default %q, %q: the last resort is served: %v", fallback, name, !last)
			}
		}
	}
}
