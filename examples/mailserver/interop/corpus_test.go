//go:build interop

package interop_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	pythonMail = "/usr/lib/python3.11/test/test_email/data" // of libpython3.11-testsuite
	enmimeMail = "github.com/jhillyerd/enmime/v2@v2.3.0"
	enough     = 200 // messages; fewer mean that a source has dried up
)

// sample is a message with a name for people.
type sample struct{ name, text string }

// wireForm is the message as IMAP presents it: each bare LF is CRLF.
func (s sample) wireForm() string { return toCRLF(s.text) }

func toCRLF(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

var loadCorpus = sync.OnceValues(func() ([]sample, error) {
	all, err := readSamples(pythonMail, "*.txt")
	if err != nil {
		return nil, err
	}
	dir, err := downloadModule(enmimeMail)
	if err != nil {
		return nil, err
	}
	theirs, err := readSamples(dir, "*.raw")
	if err != nil {
		return nil, err
	}
	return append(append(all, theirs...), madeSamples()...), nil
})

// corpus returns all mail that there is.
func corpus(t *testing.T) []sample {
	t.Helper()
	all, err := loadCorpus()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < enough {
		t.Fatalf("there are only %d messages", len(all))
	}
	return all
}

// ordinary returns messages that mail programs can be expected to handle: with a header that has From, LF or CRLF throughout and
// not huge.
func ordinary(t *testing.T) []sample {
	t.Helper()
	var some []sample
	for _, s := range corpus(t) {
		text := strings.ReplaceAll(s.text, "\r\n", "\n")
		header, _, whole := strings.Cut(text, "\n\n")
		uniform := s.text == text || s.text == strings.ReplaceAll(text, "\n", "\r\n")
		signed := strings.Contains("\n"+header, "\nFrom: ")
		if whole && uniform && signed && len(text) < 300_000 && !strings.ContainsAny(text, "\r\x00") && wellFormedHeader(header) {
			some = append(some, s)
		}
	}
	if len(some) < enough/2 {
		t.Fatalf("there are only %d ordinary messages", len(some))
	}
	return some
}

// wellFormedHeader reports whether each line begins or continues a field.
func wellFormedHeader(header string) bool {
	for line := range strings.Lines(header) {
		name, _, ok := strings.Cut(line, ":")
		if line[0] != ' ' && line[0] != '\t' && (!ok || strings.ContainsAny(name, " \t")) {
			return false
		}
	}
	return true
}

// readSamples reads all files below a folder whose names match.
func readSamples(dir, pattern string) (all []sample, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ok, _ := filepath.Match(pattern, d.Name()); !ok || !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		all = append(all, sample{filepath.Base(filepath.Dir(path)) + "/" + d.Name(), string(b)})
		return err
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s has no %s", dir, pattern)
	}
	return all, err
}

// downloadModule returns the folder of a module that go.mod need not know.
func downloadModule(module string) (string, error) {
	dir, err := os.MkdirTemp("", "interop-module")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module scratch\n"), 0o600); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var answer struct{ Dir, Error string }
	if json.Unmarshal(out, &answer); err != nil || answer.Dir == "" {
		return "", fmt.Errorf("go mod download %s: %v %s %s", module, err, answer.Error, stderr.String())
	}
	return answer.Dir, nil
}

// madeSamples returns messages that are rare in collections: damaged, deep, long, binary, and a number of plain ones.
func madeSamples() []sample {
	const from = "From: Anna <anna@example.org>\r\nTo: Bert <bert@example.org>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n"
	random := rand.New(rand.NewPCG(3, 6))
	all := []sample{
		{"one line end", "\r\n"},
		{"one LF", "\n"},
		{"one CR", "\r"},
		{"one letter", "x"},
		{"no header", "\r\nThe body begins at once.\r\n"},
		{"no body", from + "Subject: no body\r\n"},
		{"no end of header", from + "Subject: cut off"},
		{"no fields", "This is not a field\r\nNor is this\r\n\r\nbody\r\n"},
		{"no line end at the end", from + "\r\nlast line"},
		{"LF", strings.ReplaceAll(from, "\r\n", "\n") + "Subject: LF\n\nOne\nTwo\n\n\n"},
		{"mixed line ends", from + "Subject: mixed\n\r\nOne\nTwo\r\nThree\rFour\r\r\nFive\n\r"},
		{"mbox From line", "From anna Mon Nov 23 10:00:00 2026\n" + from + "\r\nFrom the beginning\r\n>From quoted\r\n"},
		{"dots", from + "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n.\r\n"},
		{"8 bit header", from + "Subject: Gr\xfc\xdfe und \xc3\xa4\r\n\r\nbody\r\n"},
		{"UTF-8", from + "Subject: Grüße, 你好\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße, 你好, 👋\r\n"},
		{"Latin-1", from + "Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\n"},
		{"all octets but NUL", from + "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + allOctets()},
		{"binary", from + "Content-Transfer-Encoding: binary\r\nContent-Type: application/x-any\r\n\r\n\x00\x01\x00\r\n\x00"},
		{"long line", from + "Subject: long\r\n\r\n" + strings.Repeat("long ", 40_000) + "\r\n"},
		{"long header line", from + "Subject: " + strings.Repeat("long ", 20_000) + "\r\n\r\nbody\r\n"},
		{"many fields", from + strings.Repeat("X-Many: yes\r\n", 5_000) + "\r\nbody\r\n"},
		{"many folds", from + "References:" + strings.Repeat("\r\n <a@example.org>", 5_000) + "\r\n\r\nbody\r\n"},
		{"deep comments", "From: " + strings.Repeat("(", 10_000) + "\r\nTo: " + strings.Repeat("<", 10_000) + "\r\n\r\nbody\r\n"},
		{"deep brackets", from + "Subject: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "\r\n\r\nbody\r\n"},
		{"nested multipart", nested(from, 50, "nutshell")},
		{"deep multipart", nested(from, 1_000, "abyss")},
		{"deep message", from + strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 1_000) + "Subject: inside\r\n\r\nbody\r\n"},
		{"unclosed multipart", from + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n"},
		{"no boundary", from + "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\none\r\n--b--\r\n"},
		{"empty boundary", from + "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\none\r\n----\r\n"},
		{"many parts", from + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\npart\r\n", 3_000) + "--b--\r\n"},
		{"many addresses", "To: " + strings.Repeat("a@example.org, ", 3_000) + "z@example.org\r\n\r\nbody\r\n"},
		{"odd field names", ": empty\r\n : space\r\nA B: c\r\n\x01: d\r\n\r\nbody\r\n"},
		{"quotes", "From: \"" + strings.Repeat(`\"`, 3_000) + "\r\nSubject: \"\\\r\n\r\nbody\r\n"},
		{"big", from + "Subject: 5 MiB\r\nContent-Transfer-Encoding: base64\r\n\r\n" + randomBase64(random, 5<<20)},
	}
	for i := range 70 {
		all = append(all, plainSample(i, random))
	}
	return all
}

// plainSample is a message as people send them, with CRLF or LF, some with an attachment.
func plainSample(i int, random *rand.Rand) sample {
	text := fmt.Sprintf("From: Anna <anna@example.org>\r\nTo: Bert <bert@example.org>\r\nSubject: plain %d\r\n"+
		"Message-ID: <plain.%d@example.org>\r\nDate: Mon, 23 Nov 2026 10:00:%02d +0100\r\nMIME-Version: 1.0\r\n", i, i, i%60)
	words := strings.Repeat(fmt.Sprintf("This is line %d.\r\n", i), 1+random.IntN(40))
	if i%3 == 0 {
		text += "Content-Type: multipart/mixed; boundary=frontier\r\n\r\n--frontier\r\nContent-Type: text/plain\r\n\r\n" + words +
			"--frontier\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			randomBase64(random, 100+random.IntN(30_000)) + "--frontier--\r\n"
	} else {
		text += "Content-Type: text/plain; charset=utf-8\r\n\r\n" + words
	}
	if i%2 == 1 {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	return sample{fmt.Sprintf("plain %d", i), text}
}

func allOctets() string {
	b := make([]byte, 0, 4*256)
	for i := range 4 * 256 {
		if c := byte(i*7 + i/256); c != 0 {
			b = append(b, c)
		}
	}
	return string(b) + "\r\n"
}

// nested is text in so many multiparts.
func nested(from string, depth int, text string) string {
	var b strings.Builder
	b.WriteString(from)
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("\r\n" + text + "\r\n")
	for i := depth - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "--b%d--\r\n", i)
	}
	return b.String()
}

// randomBase64 is about n octets of base64 in lines of 76.
func randomBase64(random *rand.Rand, n int) string {
	var b strings.Builder
	line := make([]byte, 57)
	for b.Len() < n {
		for i := range line {
			line[i] = byte(random.Uint32())
		}
		b.WriteString(base64.StdEncoding.EncodeToString(line) + "\r\n")
	}
	return b.String()
}

// TestCorpus appends every message, reads it back, and again after a kill -9; and everything that the server says about it by IMAP
// can be asked for.
func TestCorpus(t *testing.T) {
	samples := corpus(t)
	s := newServer(t)
	w := s.connect(anna)
	w.must(t, "CREATE corpus")
	uids := map[uint32]sample{}
	for _, m := range samples {
		rs, err := w.command("APPEND corpus (\\Seen) %s", literalFor(m.text))
		if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		uid := number(rs, `\[APPENDUID \d+ (\d+)\]`)
		if uid == 0 || uids[uid].name != "" {
			t.Fatalf("%s: %q gives UID %d", m.name, rs[len(rs)-1].text, uid)
		}
		uids[uid] = m
	}
	// RFC 3502, section 6.3.11, gives APPEND of no octets a meaning of its own: to call it off.
	if _, err := w.command("APPEND corpus %s", literal("")); !errors.As(err, new(*refused)) {
		t.Errorf("an empty message: %v", err)
	}
	compareCorpus(s, uids)
	rs := w.must(t, "EXAMINE corpus")
	if n := number(rs, `^\* (\d+) EXISTS`); int(n) != len(samples) {
		t.Errorf("EXISTS %d", n)
	}
	rs = w.must(t, "FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[1]<0.100> INTERNALDATE)")
	if len(rs) != len(samples)+1 {
		t.Errorf("FETCH of %d messages gives %d responses", len(samples), len(rs)-1)
	}
	for _, key := range []string{"TEXT nutshell", "BODY line", "SUBJECT plain", "FROM anna", "SENTON 23-Nov-2026", `HEADER X-Many ""`} {
		if rs := w.must(t, "UID SEARCH %s", key); !strings.Contains(rs[0].text, " ") || rs[0].text == "* SEARCH" {
			t.Errorf("SEARCH %s finds nothing: %q", key, rs[0].text)
		}
	}
	s.restart()
	compareCorpus(s, uids)
}

// compareCorpus reads what was appended under each UID.
func compareCorpus(s *server, uids map[uint32]sample) {
	t := s.t
	t.Helper()
	all, _ := s.messages(anna, "corpus")
	if len(all) != len(uids) {
		t.Errorf("%d messages of %d are there", len(all), len(uids))
	}
	for _, m := range all {
		want := uids[m.uid]
		if strings.ContainsRune(want.text, 0) {
			compareBinary(s, m, want)
		} else if m.body != want.wireForm() {
			t.Errorf("%s (UID %d) has changed: %s", want.name, m.uid, difference(m.body, want.wireForm()))
		}
	}
}

// compareBinary reads a message with NUL, which a literal cannot hold: BODY has another octet, BINARY has it as it is.
func compareBinary(s *server, m stored, want sample) {
	if text := strings.ReplaceAll(want.wireForm(), "\x00", "\x80"); m.body != text {
		s.t.Errorf("%s (UID %d) has changed: %s", want.name, m.uid, difference(m.body, text))
	}
	w := s.connect(anna)
	defer w.close()
	w.must(s.t, "EXAMINE corpus")
	_, body, _ := strings.Cut(want.text, "\r\n\r\n")
	if rs := w.must(s.t, "UID FETCH %d BINARY.PEEK[1]", m.uid); len(rs[0].literals) != 1 || rs[0].literals[0] != body {
		s.t.Errorf("%s: BINARY[1] is %q, not %q", want.name, rs[0], body)
	}
}

// literalFor is a literal, one of BINARY where the text needs it (RFC 3516, section 4.4).
func literalFor(text string) string {
	if strings.ContainsRune(text, 0) {
		return "~" + literal(text)
	}
	return literal(text)
}

// difference says where two texts part.
func difference(got, want string) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("%d octets, not %d; from octet %d on: %q, not %q", len(got), len(want), i, clip(got[i:]), clip(want[i:]))
}

func clip(s string) string { return s[:min(len(s), 60)] }
