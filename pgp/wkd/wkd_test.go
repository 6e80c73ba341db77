package wkd_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/wkd"
)

var ctx = context.Background()

// The example of the draft, section 3.1.
func TestHash(t *testing.T) {
	for _, local := range []string{"Joe.Doe", "joe.doe"} {
		if got := wkd.Hash(local); got != "iy9q119eutrkn8s1mk4r39qejnbu3n5q" {
			t.Errorf("%s: %s", local, got)
		}
	}
}

func newKey(t *testing.T, email string) *pgp.Key {
	t.Helper()
	k, err := pgp.Generate(pgp.NewKey{Email: email})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// serve gives a client for which all hosts are the one of the handler. Hosts in none do not exist.
func serve(t *testing.T, h http.Handler, none ...string) wkd.Client {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	return wkd.Client{
		HTTP: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the certificate of httptest is for other names
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
			},
		}},
		Resolve: func(_ context.Context, host string) ([]string, error) {
			for _, name := range none {
				if host == name {
					return nil, &net.DNSError{Name: host, IsNotFound: true}
				}
			}
			return []string{"127.0.0.1"}, nil
		},
	}
}

func TestBothMethods(t *testing.T) {
	var directory wkd.Directory
	anna, bob := newKey(t, "anna@example.org"), newKey(t, "bob@example.org")
	for _, k := range []*pgp.Key{anna, bob} {
		if err := directory.Publish(k.Emails(time.Now())[0], time.Now(), k); err != nil {
			t.Fatal(err)
		}
	}
	asked := ""
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Host + r.URL.Path
		directory.ServeHTTP(w, r)
	})
	for name, test := range map[string]struct{ none, want string }{
		"advanced": {"", "openpgpkey.example.org/.well-known/openpgpkey/example.org/hu/" + wkd.Hash("anna")},
		"direct":   {"openpgpkey.example.org", "example.org/.well-known/openpgpkey/hu/" + wkd.Hash("anna")},
	} {
		client := serve(t, spy, test.none)
		keys, err := client.Lookup(ctx, "Anna@Example.ORG")
		if err != nil || len(keys) != 1 || keys[0].Fingerprint() != anna.Fingerprint() || keys[0].Private() || asked != test.want {
			t.Errorf("%s: %v, %v; asked %s", name, keys, err, asked)
		}
		if _, err := client.Lookup(ctx, "nobody@example.org"); !errors.Is(err, wkd.ErrNotFound) {
			t.Errorf("%s: nobody: %v", name, err)
		}
	}
	if err := directory.Publish("anna@example.org", time.Now(), bob); err == nil {
		t.Error("bob's key was published for anna")
	}
	if err := directory.Publish("anna@example.org", time.Now()); err != nil {
		t.Error(err)
	}
	if _, err := serve(t, &directory).Lookup(ctx, "anna@example.org"); !errors.Is(err, wkd.ErrNotFound) {
		t.Errorf("after removing: %v", err)
	}
}

// Answers to those who ask for what is not there do not differ, whatever it is.
func TestServer(t *testing.T) {
	directory := wkd.Directory{SubmissionAddress: "keys@example.org"}
	if err := directory.Publish("anna@example.org", time.Now(), newKey(t, "anna@example.org")); err != nil {
		t.Fatal(err)
	}
	ask := func(method, host, path string) *http.Response {
		r := httptest.NewRequest(method, "https://"+host+path, nil)
		w := httptest.NewRecorder()
		directory.ServeHTTP(w, r)
		return w.Result()
	}
	const base = "/.well-known/openpgpkey/"
	for _, test := range []struct {
		method, host, path string
		status             int
	}{
		{"GET", "example.org", base + "hu/" + wkd.Hash("anna"), 200},
		{"HEAD", "example.org:443", base + "hu/" + wkd.Hash("anna") + "?l=anna", 200},
		{"GET", "openpgpkey.example.org", base + "Example.org/hu/" + wkd.Hash("anna"), 200},
		{"GET", "example.org", base + "policy", 200},
		{"GET", "openpgpkey.example.org", base + "example.org/policy", 200},
		{"GET", "openpgpkey.example.org", base + "example.org/submission-address", 200},
		{"POST", "example.org", base + "policy", 405},
		{"GET", "other.org", base + "policy", 404},
		{"GET", "other.org", base + "hu/" + wkd.Hash("anna"), 404},
		{"GET", "example.org", base + "hu/" + wkd.Hash("bob"), 404},
		{"GET", "example.org", base + "hu/" + strings.ToUpper(wkd.Hash("anna")), 404},
		{"GET", "example.org", base + "hu/../../../etc/passwd", 404},
		{"GET", "example.org", base, 404},
		{"GET", "example.org", "/", 404},
	} {
		response := ask(test.method, test.host, test.path)
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != test.status || response.Header.Get("Access-Control-Allow-Origin") != "*" || test.method == "HEAD" && (len(body) > 0 || response.Header.Get("Content-Length") == "0") {
			t.Errorf("%s %s%s: %d, %v", test.method, test.host, test.path, response.StatusCode, response.Header)
		}
	}
}

// What a directory answers is not believed.
func TestHostileServers(t *testing.T) {
	anna := newKey(t, "anna@example.org")
	for name, answer := range map[string]http.HandlerFunc{
		"a key of another address": func(w http.ResponseWriter, _ *http.Request) { w.Write(newKey(t, "eve@example.org").Bytes()) },
		"no key":                   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>hello") },
		"without end":              func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, io.LimitReader(zeros{}, 10<<20)) },
		"to HTTP": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.org/", http.StatusFound)
		},
		"in circles": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		"an error":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
	} {
		if keys, err := serve(t, answer).Lookup(ctx, "anna@example.org"); err == nil {
			t.Errorf("%s: %v", name, keys)
		}
	}
	private := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(anna.Bytes()) }))
	if keys, err := private.Lookup(ctx, "anna@example.org"); err != nil || keys[0].Private() {
		t.Errorf("a private key: %v", err)
	}
	// Without a client of the host's own nobody makes us ask inside our network.
	_, err := wkd.Client{Resolve: private.Resolve}.Lookup(ctx, "anna@localhost.localdomain")
	if err == nil || errors.Is(err, wkd.ErrNotFound) {
		t.Errorf("localhost was asked: %v", err)
	}
	for _, address := range []string{"", "x", "a@b/c", "a@b:80", "a@[127.0.0.1]"} {
		if _, err := private.Lookup(ctx, address); err == nil {
			t.Errorf("%q was asked for", address)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
