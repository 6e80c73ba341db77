package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

func newPGPKey(t *testing.T, email string, lifetime time.Duration) *pgp.Key {
	t.Helper()
	k, err := pgp.Generate(pgp.NewKey{Email: email, Created: time.Now().Add(-24 * time.Hour), Lifetime: lifetime})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (x *lmtpTest) id(name string) storage.ID {
	x.t.Helper()
	a, err := x.unit.OpenAccount(context.Background(), name)
	if err != nil {
		x.t.Fatal(err)
	}
	defer a.Close()
	return a.ID()
}

// Of one message each recipient gets what he has asked for; a key that cannot be used keeps the message out, and nobody else's.
func TestEncryptedDelivery(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	x.keys = keyFolder(filepath.Join(t.TempDir(), "keys"))
	anna, jurgen := newPGPKey(t, "anna@example.org", 0), newPGPKey(t, "jurgen@example.org", time.Hour) // which has expired
	for name, k := range map[string]*pgp.Key{"anna@example.org": anna, "jürgen@example.org": jurgen} {
		if err := x.keys.set(x.id(name), k.Public(), false); err != nil {
			t.Fatal(err)
		}
	}
	mail := "From: b@example.net\r\nSubject: secret\r\n\r\n" + strings.Repeat("The ship comes at noon.\r\n", 10_000)
	tx := &transaction{from: "b@example.net", to: []recipient{{account: "anna@example.org"}, {account: "berta@example.org"}, {account: "jürgen@example.org"}}}
	deliver := func(r io.Reader) map[string]error {
		return x.deliver(context.Background(), tx, "Return-Path: <b@example.net>\r\nReceived: by mx\r\n", r)
	}
	results := deliver(strings.NewReader(mail))
	if results["anna@example.org"] != nil || results["berta@example.org"] != nil || reply(results["jürgen@example.org"]) != errLMTPTemporary {
		t.Fatalf("%v", results)
	}
	if got, _ := x.inbox("berta@example.org"); len(got) != 1 || got[0] != mail {
		t.Errorf("without key: %d messages", len(got))
	}
	if got, _ := x.inbox("jürgen@example.org"); len(got) != 0 {
		t.Errorf("with an expired key: %d messages", len(got))
	}
	messages, traces := x.inbox("anna@example.org")
	if len(messages) != 1 {
		t.Fatalf("%d messages", len(messages))
	}
	stored := traces[0] + messages[0]
	if strings.Contains(stored, "The ship") || strings.Contains(stored, "Subject: secret") { // shorter words are in base64 now and then
		t.Error("text in clear")
	}
	o, err := pgpmime.Open(context.Background(), strings.NewReader(stored), pgp.Decrypter{Keys: []*pgp.Key{anna}})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if got, _ := io.ReadAll(o.Message()); !bytes.HasSuffix(got, []byte(mail)) || !bytes.HasPrefix(got, []byte("Return-Path:")) {
		t.Errorf("opened: %.200q", got)
	}

	// A file that is no key is no reason to store in clear.
	if err := os.WriteFile(x.keys.file(x.id("anna@example.org")), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if results := deliver(strings.NewReader(mail)); results["anna@example.org"] == nil || results["berta@example.org"] != nil {
		t.Errorf("with a damaged key: %v", results)
	}
	// A connection that breaks leaves nothing anywhere.
	if err := x.keys.set(x.id("anna@example.org"), anna, false); err != nil {
		t.Fatal(err)
	}
	gone := errors.New("gone")
	if results := deliver(io.MultiReader(strings.NewReader(mail), brokenReader{gone})); results["anna@example.org"] == nil || results["berta@example.org"] == nil {
		t.Errorf("a broken connection: %v", results)
	}
	for name, want := range map[string]int{"anna@example.org": 1, "berta@example.org": 2} {
		if got, _ := x.inbox(name); len(got) != want {
			t.Errorf("%s: %d messages, not %d", name, len(got), want)
		}
	}
	x.verify()
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

func TestAccountKey(t *testing.T) {
	ctx := context.Background()
	a, _ := newAdmin(t, vfs.NewMem())
	do := func(r request) (string, error) {
		var lines strings.Builder
		err := a.do(ctx, r, func(line string) { lines.WriteString(line + "\n") })
		return lines.String(), err
	}
	if _, err := do(request{Command: "add", Name: "anna@example.org", Password: "pw"}); err != nil {
		t.Fatal(err)
	}
	good, ends, expired := newPGPKey(t, "anna@example.org", 0), newPGPKey(t, "anna@example.org", 10*24*time.Hour), newPGPKey(t, "anna@example.org", time.Hour)
	for _, step := range []struct {
		request request
		want    string // in the answer; "" if it is refused
	}{
		{request{Command: "key-show", Name: "anna@example.org"}, "as it comes"},
		{request{Command: "key-remove", Name: "anna@example.org"}, ""},
		{request{Command: "key-set", Name: "nobody@example.org", Key: good.Public().Armor()}, ""},
		{request{Command: "key-set", Name: "anna@example.org", Key: "hello"}, ""},
		{request{Command: "key-set", Name: "anna@example.org", Key: expired.Public().Armor()}, ""},
		{request{Command: "key-set", Name: "Anna@example.org", Key: good.Armor()}, good.Fingerprint()},
		{request{Command: "key-show", Name: "anna@example.org"}, "so is what mail programs save"},
		{request{Command: "key-set", Name: "anna@example.org", Key: good.Armor(), DeliveriesOnly: true}, "is stored as it comes"},
		{request{Command: "key-show", Name: "anna@example.org"}, good.Fingerprint()},
		{request{Command: "key-remove", Name: "anna@example.org"}, "as it comes"},
		{request{Command: "key-show", Name: "anna@example.org"}, "as it comes"},
		{request{Command: "key-set", Name: "anna@example.org", Key: ends.Public().Armor()}, ends.Fingerprint()},
	} {
		got, err := do(step.request)
		if (err == nil) != (step.want != "") || !strings.Contains(got, step.want) {
			t.Errorf("%s: %q, %v", step.request.Command, got, err)
		}
	}
	if k, err := a.store.keys().of(a.store.unit.Accounts()[0].ID); err != nil || k.Private() {
		t.Errorf("the key that is kept: %v", err)
	}
	if warnings := a.store.keyWarnings(time.Now()); len(warnings) != 1 {
		t.Errorf("warnings: %q", warnings)
	}
}

// What mail programs save is encrypted like what is delivered, unless the account wants it otherwise; with a key that cannot be used it is refused, and the user is
// told why.
func TestEncryptedAppend(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "d")
	srv, err := newServer(settings{Data: dir, IMAPS: "127.0.0.1:0", MaxMessageSize: 1 << 20}, storage.Options{Ballast: -1, SegmentSize: 1 << 20}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	srv.start()
	defer srv.close()
	a := &admin{store: srv.store}
	do := func(r request) {
		t.Helper()
		if err := a.do(ctx, r, func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	const password = "quiet canary lanterns"
	do(request{Command: "add", Name: "anna@example.org", Password: password})
	c, err := imapclient.DialTLS(addressOf(srv.services[0].listener), &imapclient.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login("anna@example.org", password).Wait(); err != nil {
		t.Fatal(err)
	}
	const letter = "From: anna@example.org\r\nTo: b@example.net\r\nSubject: secret\r\n\r\nThe ship comes at noon.\r\n"
	save := func() error {
		w := c.Append("INBOX", int64(len(letter)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagDraft}})
		io.WriteString(w, letter)
		w.Close()
		_, err := w.Wait()
		return err
	}
	saved := func() []byte {
		t.Helper()
		if err := save(); err != nil {
			t.Fatal(err)
		}
		bodies, err := readInbox(addressOf(srv.services[0].listener), dir, "anna@example.org", password)
		if err != nil {
			t.Fatal(err)
		}
		return bodies[len(bodies)-1]
	}
	k, expired := newPGPKey(t, "anna@example.org", 0), newPGPKey(t, "anna@example.org", time.Hour)
	do(request{Command: "key-set", Name: "anna@example.org", Key: k.Armor()})
	stored := saved()
	if bytes.Contains(stored, []byte("The ship")) || bytes.Contains(stored, []byte("Subject: secret")) || !bytes.Contains(stored, []byte("To: b@example.net")) {
		t.Errorf("%s", stored)
	}
	o, err := pgpmime.Open(ctx, bytes.NewReader(stored), pgp.Decrypter{Keys: []*pgp.Key{k}})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if got, _ := io.ReadAll(o.Message()); string(got) != letter {
		t.Errorf("opened: %q", got)
	}
	do(request{Command: "key-set", Name: "anna@example.org", Key: k.Armor(), DeliveriesOnly: true})
	if got := saved(); string(got) != letter {
		t.Errorf("only deliveries are to be encrypted: %q", got)
	}
	id := srv.store.unit.Accounts()[0].ID
	if err := srv.store.keys().set(id, expired.Public(), false); err != nil {
		t.Fatal(err)
	}
	var refused *imap.Error
	if err := save(); !errors.As(err, &refused) || refused.Code != "CONTACTADMIN" || !strings.Contains(refused.Text, expired.Fingerprint()+" has expired") {
		t.Errorf("with an expired key: %v", err)
	}
	if err := os.WriteFile(srv.store.keys().file(id), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := save(); !errors.As(err, &refused) || !strings.Contains(refused.Text, "cannot be read") {
		t.Errorf("with a damaged key: %v", err)
	}
	do(request{Command: "key-remove", Name: "anna@example.org"})
	if got := saved(); string(got) != letter {
		t.Errorf("without a key: %q", got)
	}
	bodies, err := readInbox(addressOf(srv.services[0].listener), dir, "anna@example.org", password)
	if err != nil || len(bodies) != 3 {
		t.Errorf("%d messages, %v", len(bodies), err)
	}
}
