package autocrypt_test

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/autocrypt"
)

func newKey(t testing.TB, email string) *pgp.Key {
	t.Helper()
	k, err := pgp.Generate(pgp.NewKey{Email: email})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestHeader(t *testing.T) {
	anna := newKey(t, "anna@example.org")
	value := autocrypt.Header{Addr: "anna@example.org", Mutual: true, Key: anna}.String()
	for _, line := range strings.Split(value, "\r\n") {
		if len(line) > 78 {
			t.Errorf("a line of %d", len(line))
		}
	}
	h, err := autocrypt.Parse(strings.ReplaceAll(value, "\r\n", ""))
	if err != nil || h.Addr != "anna@example.org" || !h.Mutual || h.Key.Fingerprint() != anna.Fingerprint() || h.Key.Private() {
		t.Fatalf("%+v, %v", h, err)
	}
	keydata := value[strings.Index(value, "keydata="):]
	for name, test := range map[string]struct {
		value string
		ok    bool
	}{
		"folded":             {value, true},
		"no preference":      {"addr=anna@example.org; " + keydata, true},
		"another preference": {"addr=anna@example.org; prefer-encrypt=nohurry; " + keydata, true},
		"not critical":       {"addr=anna@example.org; _extra=1; " + keydata, true},
		"critical":           {"addr=anna@example.org; extra=1; " + keydata, false},
		"no addr":            {keydata, false},
		"no address":         {"addr=anna; " + keydata, false},
		"no key":             {"addr=anna@example.org", false},
		"no base64":          {"addr=anna@example.org; keydata=***", false},
		"no OpenPGP":         {"addr=anna@example.org; keydata=aGVsbG8=", false},
		"twice":              {"addr=anna@example.org; addr=eve@example.org; " + keydata, false},
		"too large":          {value + strings.Repeat(" ", autocrypt.MaxHeader), false},
		"empty":              {"", false},
	} {
		if _, err := autocrypt.Parse(test.value); (err == nil) != test.ok || err != nil && !errors.Is(err, autocrypt.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	eve := strings.Replace(value, "anna@", "eve@", 1)
	for name, test := range map[string]struct {
		values []string
		ok     bool
	}{
		"one": {[]string{value}, true}, "none": {nil, false}, "two": {[]string{value, value}, false}, "of another": {[]string{eve}, false}, "one and one of another": {[]string{eve, value}, true},
	} {
		if _, err := autocrypt.Select(test.values, "Anna@example.org"); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all := autocrypt.SelectGossip([]string{value, eve, eve}, []string{"anna@example.org", "eve@example.org", "bob@example.org"}); len(all) != 1 || all[0].Addr != "anna@example.org" {
		t.Errorf("gossip: %+v", all)
	}
}

// The machine of sections 2.3 and 2.4, row by row.
func TestPeer(t *testing.T) {
	day := func(n int) time.Time { return time.Now().AddDate(0, 0, n) }
	first, second, gossip := newKey(t, "bob@example.org").Public(), newKey(t, "bob@example.org").Public(), newKey(t, "bob@example.org").Public()
	header := func(k *pgp.Key, mutual bool) *autocrypt.Header {
		return &autocrypt.Header{Addr: "bob@example.org", Mutual: mutual, Key: k}
	}
	var p autocrypt.Peer
	for _, step := range []struct {
		name          string
		do            func()
		mutual, reply bool
		want          autocrypt.Recommendation
		key           *pgp.Key
	}{
		{"nothing known", func() {}, true, false, autocrypt.Disable, nil},
		{"a message without key", func() { p.Update(day(1), nil) }, true, true, autocrypt.Disable, nil},
		{"gossip", func() { p.UpdateGossip(day(1), *header(gossip, true)) }, true, false, autocrypt.Discourage, gossip},
		{"a reply to an encrypted message", func() {}, false, true, autocrypt.Encrypt, gossip},
		{"a key", func() { p.Update(day(2), header(first, false)) }, true, false, autocrypt.Available, first},
		{"both prefer it", func() { p.Update(day(3), header(first, true)) }, true, false, autocrypt.Encrypt, first},
		{"only the peer does", func() {}, false, false, autocrypt.Available, first},
		{"an older message with another key", func() { p.Update(day(2), header(second, true)) }, true, false, autocrypt.Encrypt, first},
		{"a newer one", func() { p.Update(day(4), header(second, true)) }, true, false, autocrypt.Encrypt, second},
		{"messages without key, for a month", func() { p.Update(day(34), nil) }, true, false, autocrypt.Encrypt, second},
		{"and for longer", func() { p.Update(day(40), nil) }, true, false, autocrypt.Discourage, second},
		{"older gossip changes nothing", func() { p.UpdateGossip(day(0), *header(first, true)) }, true, false, autocrypt.Discourage, second},
	} {
		step.do()
		if got, key := p.Recommend(step.mutual, step.reply, time.Now().Add(time.Minute)); got != step.want || key != step.key {
			t.Errorf("%s: %v, %v", step.name, got, key)
		}
	}
	for _, test := range []struct {
		each []autocrypt.Recommendation
		want autocrypt.Recommendation
	}{
		{nil, autocrypt.Disable},
		{[]autocrypt.Recommendation{autocrypt.Encrypt, autocrypt.Encrypt}, autocrypt.Encrypt},
		{[]autocrypt.Recommendation{autocrypt.Encrypt, autocrypt.Available}, autocrypt.Available},
		{[]autocrypt.Recommendation{autocrypt.Encrypt, autocrypt.Discourage, autocrypt.Available}, autocrypt.Discourage},
		{[]autocrypt.Recommendation{autocrypt.Encrypt, autocrypt.Disable}, autocrypt.Disable},
	} {
		if got := autocrypt.RecommendAll(test.each...); got != test.want {
			t.Errorf("%v: %v", test.each, got)
		}
	}
}

func TestSetup(t *testing.T) {
	anna, code := newKey(t, "anna@example.org"), autocrypt.NewSetupCode()
	if !regexp.MustCompile(`^(\d{4}-){8}\d{4}$`).MatchString(code) {
		t.Errorf("code %q", code)
	}
	for _, mutual := range []bool{true, false} {
		var body bytes.Buffer
		header, err := autocrypt.WriteSetup(&body, anna, mutual, code)
		if err != nil || !strings.Contains(header, "Autocrypt-Setup-Message: v1\r\n") || !strings.Contains(body.String(), "Passphrase-Begin: "+code[:2]+"\r\n") {
			t.Fatalf("%v, %q", err, header)
		}
		for _, typed := range []string{code, strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", " ")} {
			k, preferred, err := autocrypt.ReadSetup(context.Background(), bytes.NewReader(body.Bytes()), typed)
			if err != nil || !bytes.Equal(k.Bytes(), anna.Bytes()) || preferred != mutual {
				t.Errorf("%q: %v, %v", typed, preferred, err)
			}
		}
		if _, _, err := autocrypt.ReadSetup(context.Background(), &body, autocrypt.NewSetupCode()); !errors.Is(err, pgp.ErrNoKey) {
			t.Errorf("a wrong code: %v", err)
		}
	}
	if _, err := autocrypt.WriteSetup(&bytes.Buffer{}, anna.Public(), true, code); err == nil {
		t.Error("a setup message without private key")
	}
	if _, _, err := autocrypt.ReadSetup(context.Background(), strings.NewReader("hello"), code); !errors.Is(err, autocrypt.ErrInvalid) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("addr=a@b; prefer-encrypt=mutual; keydata=aGVsbG8=")
	f.Fuzz(func(t *testing.T, value string) {
		if h, err := autocrypt.Parse(value); err == nil && (h.Key == nil || h.Addr == "") {
			t.Errorf("%+v", h)
		}
	})
}

// FuzzSetup reads setup messages, of which the armor and what is in it may be anything.
func FuzzSetup(f *testing.F) {
	const code = "1234-5678-9012-3456-7890-1234-5678-9012-3456"
	f.Add([]byte("hello"), code)
	f.Add([]byte("<pre>\n-----BEGIN PGP MESSAGE-----\nPassphrase-Format: numeric9x4\n\nww0ECQMI\n-----END PGP MESSAGE-----\n"), "12345678")
	f.Fuzz(func(t *testing.T, part []byte, code string) {
		if k, _, err := autocrypt.ReadSetup(t.Context(), bytes.NewReader(part), code); err == nil && !k.Private() {
			t.Error("a setup message without private key")
		}
	})
}
