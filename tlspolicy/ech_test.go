package tlspolicy

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

const (
	publicName = "public.example.org"
	hiddenName = "hidden.example.org"
)

// hiding is a server with a public and a hidden name, and its clients.
type hiding struct {
	ech    *ECH
	server *tls.Config
	roots  *testca.Issued
	now    time.Time
	seen   string // the name that the server was asked for last
}

func newHiding(t *testing.T, p Policy, dir string) *hiding {
	t.Helper()
	h := &hiding{now: time.Now()}
	var err error
	if h.ech, err = openECH(ECHOptions{Dir: dir, PublicName: publicName}, func() time.Time { return h.now }); err != nil {
		t.Fatal(err)
	}
	h.roots = issue(t, nil, ecdsaKey(t, p256), authority("CA"))
	leaf := issue(t, h.roots, ecdsaKey(t, p256), testca.Names(publicName, hiddenName))
	if h.server, err = p.Hide(h.ech).Server(leaf.Pair()); err != nil {
		t.Fatal(err)
	}
	certs := h.server.Certificates
	h.server.GetCertificate = func(client *tls.ClientHelloInfo) (*tls.Certificate, error) {
		h.seen = client.ServerName
		return &certs[0], nil
	}
	h.server.Certificates = nil // GetCertificate is called always
	return h
}

// client asks for the hidden name, by a key if there is one.
func (h *hiding) client(configs []byte) *tls.Config {
	return &tls.Config{ServerName: hiddenName, RootCAs: testca.Roots(h.roots), NextProtos: []string{"imap"}, EncryptedClientHelloConfigList: configs}
}

// A client reaches the hidden name, and nothing that goes over the network tells it. Clients that know nothing of ECH, or have no key that fits, are served too.
func TestHide(t *testing.T) {
	for _, p := range []Policy{Intermediate, Modern, Strict} {
		h := newHiding(t, p, t.TempDir())
		state, sent := overheard(t, h.server, h.client(h.ech.ConfigList()))
		if !state.ECHAccepted || h.seen != hiddenName {
			t.Errorf("%s: accepted: %v, asked for %q", p, state.ECHAccepted, h.seen)
		}
		if bytes.Contains(sent, []byte("hidden")) || !bytes.Contains(sent, []byte(publicName)) {
			t.Errorf("%s: the hidden name is heard: %v", p, bytes.Contains(sent, []byte("hidden")))
		}
		if err := p.Verify(state); err != nil {
			t.Error(err)
		}
		// Without ECH, where the name is heard: the test bites.
		if _, sent = overheard(t, h.server, h.client(nil)); !bytes.Contains(sent, []byte(hiddenName)) {
			t.Error("the name is not heard without ECH either")
		}
		old := h.client(nil)
		old.MaxVersion = tls.VersionTLS12
		state, _, err := handshake(t, h.server, old)
		if (err == nil) != (p.String() != "modern") || err == nil && state.Version != tls.VersionTLS12 {
			t.Errorf("%s: client of TLS 1.2: %v", p, err)
		}
	}
}

// What the server accepts is not changed by ECH, also if the environment lowers the floor of crypto/tls; GREASE changes nothing.
func TestHideKeepsThePolicy(t *testing.T) {
	h := newHiding(t, Intermediate, t.TempDir())
	t.Setenv("GODEBUG", "tls10server=1,tlsrsakex=1,tls3des=1")
	for version, want := range map[uint16]uint16{tls.VersionTLS10: 0, tls.VersionTLS11: 0, tls.VersionTLS12: tls.VersionTLS12, tls.VersionTLS13: tls.VersionTLS13} {
		for _, grease := range []bool{false, true} {
			offer := offering(version)
			offer.GREASE = grease
			if got := answer(t, h.server, offer).Version; got != want {
				t.Errorf("%s, grease %v: %x, not %x", tls.VersionName(version), grease, got, want)
			}
		}
	}
	// Strict asks clients of TLS 1.2 for the extended master secret.
	strict := newHiding(t, Strict, t.TempDir())
	offer := offering(tls.VersionTLS12)
	offer.EMS = false
	if got := answer(t, strict.server, offer).Version; got != 0 {
		t.Errorf("without extended master secret: %x", got)
	}
}

// A key is given for its life, works as long again, and is then forgotten; who comes with it is told the new one. Keys outlive a restart.
func TestECHRotation(t *testing.T) {
	dir := t.TempDir()
	h := newHiding(t, Intermediate, dir)
	first := h.ech.ConfigList()
	accepted := func(configs []byte) (retry []byte) {
		t.Helper()
		state, _, err := handshake(t, h.server, h.client(configs))
		var rejected *tls.ECHRejectionError
		if errors.As(err, &rejected) {
			return rejected.RetryConfigList
		}
		if err != nil || !state.ECHAccepted {
			t.Fatal(err)
		}
		return nil
	}
	h.now = h.now.Add(23 * time.Hour)
	if !bytes.Equal(h.ech.ConfigList(), first) {
		t.Error("another key within its life")
	}
	h.now = h.now.Add(time.Hour)
	second := h.ech.ConfigList()
	if bytes.Equal(first, second) || accepted(first) != nil || accepted(second) != nil {
		t.Error("not both keys are good after the change")
	}
	again, err := openECH(h.ech.options, func() time.Time { return h.now })
	if err != nil || !bytes.Equal(again.ConfigList(), second) || len(again.keys) != 2 {
		t.Error("keys are lost in a restart:", err)
	}
	h.now = h.now.Add(24 * time.Hour)
	third := accepted(first)
	if third == nil || !bytes.Equal(third, h.ech.ConfigList()) || accepted(third) != nil {
		t.Error("who comes with a forgotten key is not told the new one")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 2 {
		t.Error(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode() != 0o600 {
			t.Error(info.Mode(), err)
		}
	}
	if err := h.ech.Rotate(); err != nil {
		t.Fatal(err)
	}
	if retry := accepted(third); retry == nil || accepted(retry) != nil {
		t.Error("after a leak the old keys are good")
	}
	if files, _ = filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
		t.Error("old keys are left:", files)
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.ech.DNS(), "ech="))
	if err != nil || !bytes.Equal(text, h.ech.ConfigList()) {
		t.Error(h.ech.DNS())
	}
}

// ECH and session tickets go together.
func TestHideAndResume(t *testing.T) {
	tickets, err := NewTickets(context.Background(), TicketOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := newHiding(t, Intermediate.Resume(tickets), t.TempDir())
	client := h.client(h.ech.ConfigList())
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i := range 2 {
		if state, _, err := handshake(t, h.server, client); err != nil || state.DidResume != (i == 1) || !state.ECHAccepted {
			t.Errorf("connection %d: resumed %v, ECH %v, %v", i, state.DidResume, state.ECHAccepted, err)
		}
	}
}

func TestECHRefuses(t *testing.T) {
	for want, o := range map[string]ECHOptions{
		"Dir is not set":        {PublicName: publicName},
		`"" is no public name`:  {Dir: t.TempDir()},
		`"*.a" is no public n`:  {Dir: t.TempDir(), PublicName: "*.a"},
		"the least is a minute": {Dir: t.TempDir(), PublicName: publicName, Life: time.Second},
	} {
		if _, err := OpenECH(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
	for name, text := range map[string]string{"1.ech": "", "x.ech": "", "2.ech": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenECH(ECHOptions{Dir: dir, PublicName: publicName}); err == nil || !strings.Contains(err.Error(), "remove the file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Keys of another public name are of no use, and no hindrance.
	dir := t.TempDir()
	for _, name := range []string{publicName, "other.example.org"} {
		e, err := OpenECH(ECHOptions{Dir: dir, PublicName: name})
		if err != nil || !bytes.Contains(e.ConfigList(), []byte(name)) {
			t.Error(err)
		}
	}
}

// overheard makes a handshake and returns all bytes that went over the network.
func overheard(t *testing.T, server, client *tls.Config) (tls.ConnectionState, []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		defer raw.Close()
		conn := tls.Server(raw, server)
		if conn.Handshake() == nil {
			conn.Write([]byte{'+'})
		}
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	ear := &ear{Conn: raw}
	conn := tls.Client(ear, client)
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	ear.mu.Lock()
	defer ear.mu.Unlock()
	return conn.ConnectionState(), ear.heard
}

// ear hears both directions of a connection.
type ear struct {
	net.Conn
	mu    sync.Mutex // guards heard
	heard []byte
}

func (e *ear) hear(b []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, b...)
}

func (e *ear) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	e.hear(b[:n])
	return n, err
}

func (e *ear) Write(b []byte) (int, error) {
	e.hear(b)
	return e.Conn.Write(b)
}
