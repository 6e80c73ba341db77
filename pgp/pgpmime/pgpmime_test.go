package pgpmime_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

var long = flag.Bool("pgp.long", false, "run the long forms of tests")

var made sync.Map

func key(t testing.TB, name string, profile pgp.Profile) *pgp.Key {
	t.Helper()
	id := fmt.Sprint(name, profile)
	if k, ok := made.Load(id); ok {
		return k.(*pgp.Key)
	}
	k, err := pgp.Generate(pgp.NewKey{Name: name, Email: name + "@example.org", Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	made.Store(id, k)
	return k
}

func encrypt(t testing.TB, message string, enc pgp.Encrypter, policy pgpmime.Policy) string {
	t.Helper()
	var out bytes.Buffer
	if err := pgpmime.Encrypt(&out, strings.NewReader(message), enc, policy); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func sign(t testing.TB, message string, s pgp.Signer) string {
	t.Helper()
	var out bytes.Buffer
	if err := pgpmime.Sign(&out, strings.NewReader(message), s, ""); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// open gives what Open does, with the message in it.
func open(t testing.TB, message string, d pgp.Decrypter) (*pgpmime.Opened, string, error) {
	t.Helper()
	o, err := pgpmime.Open(context.Background(), strings.NewReader(message), d)
	if err != nil {
		return nil, "", err
	}
	defer o.Close()
	inside, err := io.ReadAll(o.Message())
	return o, string(inside), err
}

const simple = "From: Anna <anna@example.org>\r\nTo: bob@example.org\r\nSubject: a secret\r\nBcc: eve@example.org\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n" +
	"Keywords: ship\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe ship comes at noon.\r\n"

// oddMails are messages that break rules.
var oddMails = []string{
	"", "\r\n", "\n", "x", "x\r\n", "Subject: x", "Subject: x\r\n", "Subject: x\r\n\r\n", "Subject: x\n\nbody", "\r\nbody",
	"From someone Thu Nov 26\nSubject: x\n\nbody", " folded first\r\nSubject: x\r\n\r\n", "Subject: x\r\nno field\r\n\r\nbody",
	"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx", "Content-Type: text/plain;\r\n\r\nx", "Content-Type: ; ;\r\n\r\nx", "Content-Type:\r\n\r\nx",
	"Content-Type: text/plain; hp=\"cipher\"\r\n\r\nx", "HP-Outer: Subject: x\r\nSubject: x\r\n\r\nx",
	"Content-Type: text/plain; hp=\"cipher\"; protected-headers=\"v1\"\r\n\r\nx",
	"Content-Type: text/plain;\r\n hp=\"cipher\"; protected-headers=\"v1\"\r\n\r\nx",
	"Content-Type: message/rfc822; forwarded=no\r\n\r\nSubject: in\r\n\r\nx",
	"Subject: x\r\nMixed: ends\n\nx\r\ny\nz\r", "Subject : space\r\n\r\nx", "Subject: \x00\xff\r\n\r\n\x00\xff\r\r\n\n",
	"Subject: " + strings.Repeat("long ", 300_000) + "\r\n\r\nx", strings.Repeat("X: y\r\n", 300_000) + "\r\nx",
	"Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
}

func randomMail(r *rand.Rand) string {
	eol := []string{"\r\n", "\r\n", "\n"}[r.IntN(3)]
	pieces := []string{"From: a@b" + eol, "To: c@d," + eol + "\te@f" + eol, "Subject: " + strings.Repeat("sø ", r.IntN(40)) + eol, "Received: x" + eol,
		"MIME-Version: 1.0" + eol, "Content-Type: multipart/mixed; boundary=b" + eol, "Content-Type: text/html" + eol, "Content-Transfer-Encoding: binary" + eol,
		"X-Odd:" + eol, "Keywords: k" + eol, "Message-ID: <" + fmt.Sprint(r.Uint32()) + "@x>" + eol, "content-type: application/pdf; name=\"ø.pdf\"" + eol}
	var m strings.Builder
	for range r.IntN(9) {
		m.WriteString(pieces[r.IntN(len(pieces))])
	}
	m.WriteString(eol)
	bodies := []string{"text" + eol, "--b" + eol, "--b--" + eol, "\x00\x01\xfe\xff", " " + eol, ".\r\n", "From x" + eol, "\r", "\n", "ø", "-----BEGIN PGP MESSAGE-----" + eol}
	for range r.IntN(20) {
		m.WriteString(bodies[r.IntN(len(bodies))])
	}
	return m.String()
}

// PG4: what was encrypted comes back with the same octets.
func TestEncryptedRoundTrip(t *testing.T) {
	count := 500
	switch {
	case *long:
		count = 10_000
	case testing.Short():
		count = 20
	}
	r := rand.New(rand.NewPCG(1, 2))
	mails := append([]string{simple, simple + strings.Repeat("0123456789abcdef\r\n", 100_000)}, oddMails...)
	for range count {
		mails = append(mails, randomMail(r))
	}
	anna := key(t, "anna", pgp.Compatible)
	for i, mail := range mails {
		_, inside, err := open(t, encrypt(t, mail, pgp.Encrypter{To: []*pgp.Key{anna}}, nil), pgp.Decrypter{Keys: []*pgp.Key{anna}})
		if err != nil || inside != mail {
			t.Errorf("mail %d: %v\n%.500q\nbecame\n%.500q", i, err, mail, inside)
		}
	}
}

func TestHeaderProtection(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	for _, test := range []struct {
		name            string
		policy          pgpmime.Policy
		visible, hidden []string
	}{
		{"Baseline", nil, []string{"Subject: [...]\r\n", "From: Anna <anna@example.org>\r\n", "Message-ID: <1@example.org>\r\n"}, []string{"secret", "Keywords", "eve@"}},
		{"ShowAll", pgpmime.ShowAll, []string{"Subject: a secret\r\n", "Keywords: ship\r\n"}, []string{"eve@"}},
		{"own", func(name, value string) (string, bool) { return "møte", name == "subject" }, []string{"Subject: =?utf-8?q?m=C3=B8te?=\r\n"}, []string{"anna@"}},
	} {
		message := encrypt(t, simple, pgp.Encrypter{To: []*pgp.Key{anna}, Signers: []*pgp.Key{anna}}, test.policy)
		for _, text := range test.visible {
			if !strings.Contains(message, text) {
				t.Errorf("%s: %q is not visible", test.name, text)
			}
		}
		for _, text := range append(test.hidden, "noon") {
			if strings.Contains(message, text) {
				t.Errorf("%s: %q is visible", test.name, text)
			}
		}
		o, inside, err := open(t, message, pgp.Decrypter{Keys: []*pgp.Key{anna}, Verify: []*pgp.Key{anna}})
		if err != nil || inside != simple || o.Header != pgpmime.HeaderEncrypted || len(o.Signatures) != 1 || o.Signatures[0].Err != nil {
			t.Errorf("%s: %+v, %v", test.name, o, err)
		}
	}
}

// PG4: canonicalisation. What is signed may pass servers that change line ends, and has nothing in it that others change.
func TestSigned(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	const header = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n"
	for name, body := range map[string]string{
		"plain":            "hello\r\n",
		"LF":               "hello\nworld\n",
		"CR":               "a\rb\r\rc\r",
		"no line end":      "hello",
		"empty":            "",
		"trailing space":   "a \r\nb\t\r\n \r\n",
		"From":             "From here\r\nFrom\r\n" + strings.Repeat("x", 74) + "From there\r\n",
		"dot":              ".\r\n..\r\n.x\r\n" + strings.Repeat("x", 75) + ".\r\n",
		"long lines":       strings.Repeat("é=", 3000) + "\r\n",
		"8 bit and binary": "\x00\x80\xff\x7f\r\n",
	} {
		signed := sign(t, header+"\r\n"+body, pgp.Signer{Keys: []*pgp.Key{anna}})
		for _, line := range strings.Split(signed, "\r\n") {
			if len(line) > 78 || strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }) || strings.TrimRight(line, " \t") != line || strings.HasPrefix(line, "From ") || line == "." {
				t.Errorf("%s: a line that does not travel: %q", name, line)
			}
		}
		for form, sent := range map[string]string{"CRLF": signed, "LF": strings.ReplaceAll(signed, "\r\n", "\n")} {
			o, _, err := open(t, sent, pgp.Decrypter{Verify: []*pgp.Key{anna}})
			if err != nil {
				t.Errorf("%s, %s: %v", name, form, err)
				continue
			}
			if len(o.Signatures) != 1 || o.Signatures[0].Err != nil || o.Encrypted || o.Header != pgpmime.HeaderSigned {
				t.Errorf("%s, %s: %+v", name, form, o)
			}
		}
		if _, inside, _ := open(t, signed, pgp.Decrypter{Verify: []*pgp.Key{anna}}); decodeBody(t, inside) != strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n") {
			t.Errorf("%s: the text became %q", name, decodeBody(t, inside))
		}
	}
}

func TestSignedParts(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	mail := "Subject: x\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\npreamble\r\n--outer\r\n\r\nplain é\r\n--outer\r\n" +
		"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: é\r\n\r\ninner é \r\n--outer\r\n" +
		"Content-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\nContent-Type: application/pdf\r\n\r\n\x00\x01\xff\r\n--inner\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--inner--\r\nepilogue\r\n--outer--\r\n"
	signed := sign(t, mail, pgp.Signer{Keys: []*pgp.Key{anna}})
	o, inside, err := open(t, signed, pgp.Decrypter{Verify: []*pgp.Key{anna}})
	if err != nil || o.Signatures[0].Err != nil {
		t.Fatalf("%v", err)
	}
	for _, text := range []string{"plain =C3=A9", "inner =C3=A9=20", "AAH/", "AAEC", "--outer--", "--inner--"} {
		if !strings.Contains(inside, text) {
			t.Errorf("%q is missing in\n%s", text, inside)
		}
	}
	// Another word in it, and in its header.
	for _, change := range []string{"plain", "Subject: x"} {
		content := strings.Index(signed, "\r\n--")
		o, _, err := open(t, signed[:content]+strings.Replace(signed[content:], change, "PLAIN", 1), pgp.Decrypter{Verify: []*pgp.Key{anna}})
		if err != nil || !errors.Is(o.Signatures[0].Err, pgp.ErrBadSignature) {
			t.Errorf("after a change: %+v, %v", o, err)
		}
	}
	// Signed, then encrypted (RFC 3156, section 6.1).
	o, again, err := open(t, encrypt(t, signed, pgp.Encrypter{To: []*pgp.Key{anna}}, nil), pgp.Decrypter{Keys: []*pgp.Key{anna}, Verify: []*pgp.Key{anna}})
	if err != nil || len(o.Signatures) != 1 || o.Signatures[0].Err != nil || again != signed || !o.Encrypted {
		t.Errorf("signed, then encrypted: %+v, %v", o, err)
	}
}

func decodeBody(t *testing.T, message string) string {
	t.Helper()
	_, body, _ := strings.Cut(message, "\r\n\r\n")
	text, err := io.ReadAll(newQuotedPrintable(body))
	if err != nil {
		t.Errorf("%v in %q", err, body)
	}
	return string(text)
}

// The payload of RFC 9788, appendix C.3.1.2, as the document prints it without its S/MIME: opened by PGP/MIME its own header counts, whatever stands outside.
func TestRFC9788(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	const own = "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nSubject: smime-signed-enc-hp-baseline\r\nMessage-ID: <smime-signed-enc-hp-baseline@example>\r\n" +
		"From: Alice <alice@smime.example>\r\nTo: Bob <bob@smime.example>\r\nDate: Sat, 20 Feb 2021 10:09:02 -0500\r\nUser-Agent: Sample MUA Version 1.0\r\n"
	const outer = "HP-Outer: Subject: [...]\r\nHP-Outer: Message-ID: <smime-signed-enc-hp-baseline@example>\r\nHP-Outer: From: Alice <alice@smime.example>\r\n" +
		"HP-Outer: To: Bob <bob@smime.example>\r\nHP-Outer: Date: Sat, 20 Feb 2021 10:09:02 -0500\r\nHP-Outer: User-Agent: Sample MUA Version 1.0\r\n"
	const rest = "Content-Type: text/plain; charset=\"utf-8\"; hp=\"cipher\"\r\n\r\nThis is the\r\nsmime-signed-enc-hp-baseline\r\nmessage.\r\n"
	data := armored(t, own+outer+rest, anna)
	message := "Subject: changed on the way\r\nFrom: eve@example.org\r\nComments: added\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n" + data + "\r\n--b--\r\n"
	o, inside, err := open(t, message, pgp.Decrypter{Keys: []*pgp.Key{anna}})
	if err != nil || o.Header != pgpmime.HeaderEncrypted || inside != own+rest {
		t.Errorf("%+v, %v, %q", o, err, inside)
	}
	// What hcp_baseline leaves outside of this message is what the document prints as HP-Outer.
	again := encrypt(t, own+"Content-Type: text/plain; charset=\"utf-8\"\r\n\r\nThis is the\r\nsmime-signed-enc-hp-baseline\r\nmessage.\r\n", pgp.Encrypter{To: []*pgp.Key{anna}}, pgpmime.Baseline)
	if want := strings.ReplaceAll(outer, "HP-Outer: ", ""); !strings.HasPrefix(again, want) {
		t.Errorf("outside:\n%.600s\nwanted:\n%s", again, want)
	}
}
