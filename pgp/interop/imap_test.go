//go:build interop

package interop

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/mailhavn/mailhavn/imapserver"
	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
	"github.com/mailhavn/mailhavn/pgp/wkd"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
	"github.com/mailhavn/mailhavn/tlspolicy"
)

// serve runs an IMAP server in memory and gives a client of it that has selected the INBOX of anna.
func serve(t *testing.T) *imapclient.Client {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, dir := context.Background(), t.TempDir()
	unit, err := storage.Open(vfs.NewMem(), storage.Options{Logger: slog.New(slog.DiscardHandler)})
	must(err)
	t.Cleanup(func() { unit.Close() })
	account, err := unit.CreateAccount(ctx, "anna")
	must(err)
	account.Close()
	users, err := passwd.OpenFile(filepath.Join(dir, "users"))
	must(err)
	must(users.Add(ctx, "anna", "secret"))
	cert, err := tlspolicy.SelfSigned(dir)
	must(err)
	config, err := tlspolicy.Intermediate.ALPN("imap").Server(cert)
	must(err)
	server := &imapserver.Server{TLS: config, Auth: passwd.NewAuthenticator(users), Open: unit.OpenAccount}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go server.ServeTLS(l)
	t.Cleanup(func() { server.Shutdown(ctx) })
	client, err := imapclient.DialTLS(l.Addr().String(), &imapclient.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"imap"}}}) // self-signed
	must(err)
	t.Cleanup(func() { client.Close() })
	must(client.Login("anna", "secret").Wait())
	_, err = client.Select("INBOX", nil).Wait()
	must(err)
	return client
}

// PG4: what was signed and encrypted is the same after our IMAP server has stored it, also for GnuPG.
func TestIMAP(t *testing.T) {
	k := newKey(t, keyTypes[0].config)
	const mail = "From: anna@example.org\r\nSubject: ship\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nFrom nøøn on. \r\n.\r\n\tThe end"
	var signed, encrypted bytes.Buffer
	if err := pgpmime.Sign(&signed, strings.NewReader(mail), pgp.Signer{Keys: []*pgp.Key{k}}, ""); err != nil {
		t.Fatal(err)
	}
	if err := pgpmime.Encrypt(&encrypted, strings.NewReader(mail), pgp.Encrypter{To: []*pgp.Key{k}, Signers: []*pgp.Key{k}}, nil); err != nil {
		t.Fatal(err)
	}
	client := serve(t)
	d := pgp.Decrypter{Keys: []*pgp.Key{k}, Verify: []*pgp.Key{k}}
	for i, message := range [][]byte{signed.Bytes(), encrypted.Bytes(), bytes.ReplaceAll(signed.Bytes(), []byte("\r\n"), []byte("\n"))} {
		fetched := storeAndFetch(t, client, message, uint32(i+1))
		o, err := pgpmime.Open(context.Background(), bytes.NewReader(fetched), d)
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Signatures) != 1 || o.Signatures[0].Err != nil {
			t.Errorf("message %d: %+v", i+1, o.Signatures)
		}
		if inside, _ := io.ReadAll(o.Message()); o.Encrypted && string(inside) != mail {
			t.Errorf("message %d became %q", i+1, inside)
		}
		o.Close()
		if i == 1 {
			continue
		}
		w := workplace{dir: t.TempDir(), fingerprint: k.Fingerprint()}
		gpg := peers[0]
		if !w.prepare(t, gpg, k) {
			t.Fatal("GnuPG does not take the key")
		}
		content, signature := signedParts(string(fetched))
		w.write(t, "data", content)
		w.write(t, "signature.asc", signature)
		if !w.run(t, gpg.verify) {
			t.Errorf("message %d: GnuPG does not find the signature good", i+1)
		}
	}
}

func storeAndFetch(t *testing.T, client *imapclient.Client, message []byte, number uint32) []byte {
	t.Helper()
	cmd := client.Append("INBOX", int64(len(message)), nil)
	cmd.Write(message)
	if err := cmd.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := client.Noop().Wait(); err != nil {
		t.Fatal(err)
	}
	section := &imap.FetchItemBodySection{}
	found, err := client.Fetch(imap.SeqSetNum(number), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil || len(found) != 1 {
		t.Fatalf("%d messages, %v", len(found), err)
	}
	return found[0].FindBodySection(section)
}

// GnuPG names keys in a Web Key Directory as we do.
func TestWKDNames(t *testing.T) {
	for _, email := range []string{"Joe.Doe@example.org", "anna@example.org", "x+y_z@example.org"} {
		k, err := pgp.Generate(pgp.NewKey{Email: email})
		if err != nil {
			t.Fatal(err)
		}
		w := workplace{dir: t.TempDir(), fingerprint: k.Fingerprint()}
		if !w.prepare(t, peers[0], k) {
			t.Fatal("GnuPG does not take the key")
		}
		local, _, _ := strings.Cut(email, "@")
		if !w.run(t, "gpg --batch --with-wkd-hash -k | grep -q "+wkd.Hash(local)) {
			t.Errorf("%s: GnuPG has another name", email)
		}
	}
}
