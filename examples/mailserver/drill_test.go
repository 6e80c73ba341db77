package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/tlspolicy/drill"
)

// drilled is a server with an account, its clients, and the commands given to it.
type drilled struct {
	*testing.T
	settings settings
	srv      *server
	config   *tls.Config // of the client, with the sessions that it could resume
}

func newDrilled(t *testing.T, s settings) *drilled {
	s.Data, s.IMAPS, s.SessionTickets, s.MaxMessageSize = filepath.Join(t.TempDir(), "d"), "127.0.0.1:0", true, 1<<20
	d := &drilled{T: t, settings: s, config: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1)}}
	d.start()
	t.Cleanup(func() { d.srv.close() })
	return d
}

func (d *drilled) start() {
	d.Helper()
	var err error
	if d.srv, err = newServer(d.settings, storage.Options{SegmentSize: 1 << 20, Ballast: -1}, slog.New(slog.DiscardHandler)); err != nil {
		d.Fatal(err)
	}
	d.srv.store.users.Hasher.Params = passwd.Params{Memory: 8, Time: 1}
	d.srv.start()
}

// do gives a command to the server, as the command line does.
func (d *drilled) do(r request) (string, error) {
	var lines []string
	err := askServer(d.settings.Data, r, func(l string) { lines = append(lines, l) })
	return strings.Join(lines, "\n"), err
}

func (d *drilled) must(r request) string {
	d.Helper()
	out, err := d.do(r)
	if err != nil {
		d.Fatalf("%v\n%s", err, out)
	}
	return out
}

// dial returns a client that is logged in, or the error of the login.
func (d *drilled) dial(user, password string) (*imapclient.Client, tls.ConnectionState, error) {
	d.Helper()
	conn, err := tls.Dial("tcp", addressOf(d.srv.services[0].listener), d.config)
	if err != nil {
		d.Fatal(err)
	}
	c := imapclient.New(conn, nil)
	d.Cleanup(func() { c.Close() })
	err = c.Login(user, password).Wait() // the tickets have come by then, too
	return c, conn.ConnectionState(), err
}

// After the drill there is no old leaf, no resumption, no old session and no old password, and who has a new one is served.
func TestDrill(t *testing.T) {
	d := newDrilled(t, settings{})
	d.must(request{Command: "add", Name: "anna", Password: "quiet lanterns"})
	app := d.must(request{Command: "app-add", Name: "anna", App: &passwd.AppPassword{Name: "phone", Protocols: []string{"imap"}}})
	d.must(request{Command: "add", Name: "bob", Password: "quiet lanterns"})
	d.dial("anna", "quiet lanterns")
	open, before, err := d.dial("anna", "quiet lanterns")
	if err != nil || !before.DidResume {
		t.Fatalf("the sessions of before are not resumed, the test shows nothing: %v", err)
	}
	published := func() *x509.Certificate {
		return fileCertificate(t, filepath.Join(d.settings.Data, "tls", "selfsigned.crt"))
	}
	old := published()

	plan := d.must(request{Command: "drill", To: "leak"})
	if !strings.Contains(plan, "to do     drop all session ticket keys") || !strings.HasSuffix(plan, "with --run it is carried out") {
		t.Error(plan)
	}
	if _, err := os.Stat(filepath.Join(d.settings.Data, drillsFolder)); !errors.Is(err, os.ErrNotExist) {
		t.Error("a plan has made a folder")
	}
	if out := d.must(request{Command: "drill", To: "leak", Run: true}); !strings.Contains(out, ", complete ") || !strings.Contains(out, "2 closed") {
		t.Error(out)
	}
	<-open.Closed()
	_, after, err := d.dial("anna", "quiet lanterns")
	if err == nil || !strings.Contains(err.Error(), "EXPIRED") {
		t.Errorf("the old password: %v", err)
	}
	if after.DidResume || after.PeerCertificates[0].Equal(old) || !after.PeerCertificates[0].Equal(published()) {
		t.Errorf("resumed: %v, old leaf: %v", after.DidResume, after.PeerCertificates[0].Equal(old))
	}
	if _, _, err := d.dial("anna", strings.Fields(app)[len(strings.Fields(app))-1]); err == nil {
		t.Error("the app password is still good")
	}
	d.must(request{Command: "passwd", Name: "anna", Password: "brighter lanterns"})
	if _, _, err := d.dial("anna", "brighter lanterns"); err != nil {
		t.Error(err)
	}
	// The same again changes nothing, also after a restart.
	d.srv.close()
	d.start()
	leaf := published()
	d.must(request{Command: "drill", To: "leak", Run: true})
	if _, state, err := d.dial("anna", "brighter lanterns"); err != nil || !state.PeerCertificates[0].Equal(leaf) {
		t.Error("a complete drill was carried out again:", err)
	}
	for _, name := range []string{"", "../leak", ".hidden", strings.Repeat("a", 101)} {
		if _, err := d.do(request{Command: "drill", To: name, Run: true}); err == nil || !strings.Contains(err.Error(), "is no name for an incident") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Certificates of an authority are had from the command that is configured. While it fails, nobody has to change a password over a connection that
// can be read; when it works again, also after a restart, the drill goes on.
func TestDrillWithIssuer(t *testing.T) {
	dir := t.TempDir()
	ca, first := writeAuthority(t, dir)
	d := newDrilled(t, settings{Cert: filepath.Join(dir, "mail.crt"), Key: filepath.Join(dir, "mail.key")})
	d.must(request{Command: "add", Name: "anna", Password: "quiet lanterns"})
	if _, err := d.do(request{Command: "drill", To: "leak", Run: true}); err == nil || !strings.Contains(err.Error(), drill.ErrIncomplete.Error()) {
		t.Error(err)
	}
	if out := d.must(request{Command: "drill", To: "leak"}); !strings.Contains(out, "FAILED    new key and certificate  "+dir+"/mail.crt") || !strings.Contains(out, "set issuer to a command") {
		t.Error(out)
	}
	if _, _, err := d.dial("anna", "quiet lanterns"); err != nil {
		t.Error(err)
	}
	d.srv.close()
	d.settings.Issuer = string(findIssuer(t))
	d.start()
	out := d.must(request{Command: "drill", To: "leak", Run: true})
	if !strings.Contains(out, ", complete ") {
		t.Error(out)
	}
	_, state, err := d.dial("anna", "quiet lanterns")
	if err == nil || state.PeerCertificates[0].Equal(first) || state.PeerCertificates[0].CheckSignatureFrom(ca) != nil {
		t.Errorf("not a new certificate of the authority, or the old password is good: %v", err)
	}
	revoked := fileCertificate(t, filepath.Join(dir, "revoked-keyCompromise.pem"))
	if !revoked.Equal(first) {
		t.Error("another certificate was revoked")
	}
	if time.Until(state.PeerCertificates[0].NotAfter) < 0 {
		t.Error("it has expired")
	}
}
