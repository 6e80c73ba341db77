//go:build interop

package imapserver

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
)

// TestExact compares the server with Dovecot on real and on malformed mail.
func TestExact(t *testing.T) {
	s := newTestServer(t, nil)
	ours := imapservertest.Server{Name: "mailhavn", Dial: s.dialTLS, NewAccount: s.newAccount}
	messages := realMail(t)
	imapservertest.Compare(t, imapservertest.Dovecot(t), ours, messages, exactDifferences(messages))
}

// realMail is the mail in the test data of Python, which Debian has a package of.
func realMail(t *testing.T) [][]byte {
	files, err := filepath.Glob("/usr/lib/python3*/test/test_email/data/msg_*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files: libpython3.11-testsuite is missing (%v)", len(files), err)
	}
	var messages [][]byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		messages = append(messages, text)
	}
	return messages
}

// exactDifferences are those of which we know which server is right.
func exactDifferences(messages [][]byte) []imapservertest.Difference {
	// only tells whether one answer to SEARCH has UIDs more than the other, and all of them are of messages for which is is true.
	only := func(more, less string, is func(header, message []byte) bool) bool {
		known := map[string]bool{}
		for _, uid := range strings.Fields(less) {
			known[uid] = true
		}
		n := 0
		for _, uid := range strings.Fields(more) {
			if known[uid] {
				n++
				continue
			}
			i, err := strconv.Atoi(uid)
			if err != nil {
				return false
			}
			header, _, _ := bytes.Cut(messages[i-1], []byte("\r\n\r\n"))
			if !is(header, messages[i-1]) {
				return false
			}
		}
		return n == len(known)
	}
	has := func(text []byte, pattern string) bool { return regexp.MustCompile(pattern).Match(text) }
	return []imapservertest.Difference{
		{
			Name: "a part that does not exist", Why: "RFC 9051, section 9: NIL tells it from an empty one; Dovecot answers with an empty string",
			Is: func(command string, _ []byte, want, got string) bool {
				return strings.Contains(command, "PEEK[") && strings.HasSuffix(want, `"")`) && strings.TrimSuffix(want, `"")`)+"NIL)" == got
			},
		},
		{
			Name: "no answer at all", Why: "Dovecot 2.3.19 ends the connection at BINARY of some broken parts",
			Is: func(_ string, _ []byte, want, _ string) bool { return want == imapservertest.ConnectionLost },
		},
		{
			Name: "an encoding that is broken", Why: "RFC 9051, section 6.4.5, lets a server decode what it can; Dovecot refuses",
			Is: func(command string, message []byte, want, _ string) bool {
				return strings.Contains(command, "BINARY") && strings.HasPrefix(want, "NO\n") && has(message, "(?i)base64|quoted-printable")
			},
		},
		{
			Name: "a part with parts of its own", Why: "RFC 3516, section 4.3: BINARY removes the encoding of the part itself, and composite ones have none; " +
				"Dovecot decodes the parts within too and changes their headers",
			Is: func(command string, message []byte, want, _ string) bool {
				return strings.Contains(command, "BINARY.PEEK") && strings.Contains(want, "Content-Transfer-Encoding: binary") ||
					strings.Contains(command, "BINARY.SIZE") && has(message, "(?i)content-type: *(multipart|message)/")
			},
		},
		{
			Name: "headers of messages within a message", Why: "RFC 9051, section 6.4.4: they are text of the body; Dovecot leaves them out of BODY",
			Is: func(command string, _ []byte, want, got string) bool {
				return strings.HasPrefix(command, "UID SEARCH BODY") &&
					only(got, want, func(_, message []byte) bool { return has(message, "(?i)message/|multipart/digest") })
			},
		},
		{
			Name: "messages without a date", Why: "RFC 9051, section 6.4.4: there is no Date field that is earlier; for Dovecot it is 1970",
			Is: func(command string, _ []byte, want, got string) bool {
				return strings.Contains(command, "SENTBEFORE") &&
					only(want, got, func(header, _ []byte) bool { return !has(header, `(?im)^date: .*\d\d:\d\d`) })
			},
		},
		{
			Name: "addresses without a domain", Why: "RFC 9051, section 6.4.4: the field is searched; Dovecot finds a MISSING_DOMAIN that it puts there",
			Is: func(command string, _ []byte, want, got string) bool {
				return has([]byte(command), "SEARCH (FROM|TO) ") &&
					only(want, got, func(header, _ []byte) bool { return !has(header, `(?im)^from: .*@`) || !has(header, `(?im)^to: .*@`) })
			},
		},
	}
}
