package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/pgp/wkd"
	"github.com/mailhavn/mailhavn/storage/vfs"
	"github.com/mailhavn/mailhavn/tlspolicy"
)

// What account key set publishes is found by clients at once, and what it removes is not.
func TestKeyDirectory(t *testing.T) {
	ctx := context.Background()
	a, _ := newAdmin(t, vfs.NewMem())
	do := func(r request) {
		t.Helper()
		if err := a.do(ctx, r, func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	do(request{Command: "add", Name: "anna@example.org", Password: "pw"})
	cert, err := tlspolicy.SelfSigned(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config, err := tlspolicy.Intermediate.ALPN("h2", "http/1.1").Server(cert)
	if err != nil {
		t.Fatal(err)
	}
	d := newKeyDirectory(a.store, config, slog.New(slog.DiscardHandler))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- d.serve(l) }()
	client := wkd.Client{
		HTTP: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // self-signed
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
			},
		}},
		Resolve: func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil },
	}
	if _, err := client.Lookup(ctx, "anna@example.org"); !errors.Is(err, wkd.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	answer, err := client.HTTP.Head("https://openpgpkey.example.org/")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got := answer.Header.Get("Strict-Transport-Security"); got != "max-age=63072000" {
		t.Errorf("HSTS %q", got)
	}
	k := newPGPKey(t, "anna@example.org", 0)
	do(request{Command: "key-set", Name: "anna@example.org", Key: k.Armor()})
	if keys, err := client.Lookup(ctx, "anna@example.org"); err != nil || keys[0].Fingerprint() != k.Fingerprint() {
		t.Errorf("after set: %v, %v", keys, err)
	}
	time.Sleep(10 * time.Millisecond) // the clock of the file system may be coarse
	do(request{Command: "key-remove", Name: "anna@example.org"})
	if _, err := client.Lookup(ctx, "anna@example.org"); !errors.Is(err, wkd.ErrNotFound) {
		t.Errorf("after remove: %v", err)
	}
	if err := errors.Join(d.close(), <-served); err != nil {
		t.Error(err)
	}
}
