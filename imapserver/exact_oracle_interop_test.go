//go:build interop

package imapserver

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"mime"
	netmail "net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/mailhavn/mailhavn/storage/message"
)

// What is right, found out without the code that is judged.

var (
	surplusCR   = regexp.MustCompile(`\r(\r\n|$)`)
	defaultType = regexp.MustCompile(`(?i)"text" "plain" \("charset" "us-ascii"\)`)
	encodedWord = regexp.MustCompile(`=\?[^?]*\?[BbQq]\?[^?]*\?=`)
	fieldNUL    = regexp.MustCompile("(?m)^([!-9;-~]*)\x00+([!-9;-~]*[ \t]*:)")
)

// nameWithoutNUL is a message without NUL in the names of its header fields.
func nameWithoutNUL(m []byte) []byte {
	h := head(m)
	return append(fieldNUL.ReplaceAll(h, []byte("$1$2")), m[len(h):]...)
}

var askedPartial = regexp.MustCompile(`<(\d+)\.(\d+)>$`)

// isPiece tells whether the answer to FETCH of a piece is that piece of the whole.
func isPiece(q question) bool {
	m := askedPartial.FindStringSubmatch(q.Command)
	if m == nil {
		return false
	}
	whole := fetched(q.Ask(strings.TrimSuffix(q.Command, m[0])))
	from, _ := strconv.Atoi(m[1])
	n, _ := strconv.Atoi(m[2])
	from = min(from, len(whole))
	return fetched(q.Got) == whole[from:min(from+n, len(whole))]
}

var askedSection = regexp.MustCompile(`\[([0-9.]*)(MIME|HEADER|TEXT)?`)

// sectionExists tells whether a message has the section that FETCH asks for.
func sectionExists(q question) bool {
	m := askedSection.FindStringSubmatch(q.Command)
	number, what := strings.TrimSuffix(m[1], "."), m[2]
	part, ok := q.Parts[number]
	switch {
	case number == "":
		return true
	case what == "HEADER", what == "TEXT":
		return part.Type == "message/rfc822"
	}
	return ok
}

// binaryPart is the number of the part that BINARY asks for.
func binaryPart(q question) string {
	m := regexp.MustCompile(`BINARY[A-Z.]*\[([0-9.]+)\]`).FindStringSubmatch(q.Command)
	if m == nil {
		return ""
	}
	if _, ok := q.Parts[m[1]]; !ok {
		return strings.TrimSuffix(m[1], ".1") // of a part without parts it is the same
	}
	return m[1]
}

// isComposite tells whether FETCH asks for a part that has parts of its own.
func isComposite(q question) bool {
	m := regexp.MustCompile(`\[([0-9.]+)\]`).FindStringSubmatch(q.Command)
	if m == nil {
		return false
	}
	for number := range q.Parts {
		if strings.HasPrefix(number, m[1]+".") {
			return true
		}
	}
	return q.Parts[m[1]].Type == "multipart/"
}

// fetched is the text or number in the answer to FETCH of one item.
func fetched(answer string) string {
	_, value, _ := strings.Cut(strings.TrimSuffix(answer, ")"), "] ")
	if text, err := strconv.Unquote(value); err == nil {
		return text
	}
	return value
}

// fields are the bodies of the fields with a name, unfolded.
func fields(m []byte, name string) []byte {
	var all []byte
	for field, body := range message.Fields(head(m)) {
		if strings.EqualFold(string(field), name) {
			all = append(append(all, fold.ReplaceAll(body, []byte(" "))...), '\n')
		}
	}
	return all
}

func isAddressKey(key string) bool { return slices.Contains([]string{"FROM", "TO", "CC", "BCC"}, key) }

// addedToAddresses is what Dovecot writes into addresses.
const addedToAddresses = `"" <INVALID_ROUTE:MISSING_MAILBOX@MISSING_DOMAIN>, <x@SYNTAX_ERROR>`

// textSearch is a SEARCH command with one key.
type textSearch struct {
	key  string
	word string // in UTF-8
}

var searchCommand = regexp.MustCompile(`(?s)^UID SEARCH (?:CHARSET (\S+) )?(\S+)[^{]*(?:\{\d+\+\}\r\n(.*))?$`)

func searched(command string) textSearch {
	m := searchCommand.FindStringSubmatch(command)
	if m == nil {
		return textSearch{key: "none"}
	}
	return textSearch{m[2], decoded(m[1], m[3])}
}

// text is where BODY and TEXT search.
func (s textSearch) text(m []byte) []byte {
	switch s.key {
	case "TEXT":
		return m
	case "BODY":
		return body(m)
	}
	return nil
}

// decoded is a text of a charset.
func decoded(charset, text string) string {
	if e, err := htmlindex.Get(charset); err == nil {
		text, _ = e.NewDecoder().String(text)
	}
	return text
}

var (
	fold       = regexp.MustCompile(`\r?\n[ \t]`)
	betweenEnc = regexp.MustCompile(`\?=\s+=\?`)
	escape     = regexp.MustCompile(`=[0-9A-Fa-f]{2}|=[ \t]*\r?\n`)
	paragraph  = regexp.MustCompile(`\n\r?\n|\n--`)
	notBase64  = regexp.MustCompile(`[^A-Za-z0-9+/]`)
)

// fieldReadings are the ways in which a header field may be meant: as it stands, unfolded, decoded.
func fieldReadings(text []byte) [][]byte {
	unfolded := fold.ReplaceAll(text, []byte(" "))
	words := encodedWord.ReplaceAllFunc(betweenEnc.ReplaceAll(unfolded, []byte("?==?")), func(w []byte) []byte {
		charset, encoded, _ := strings.Cut(string(w[2:]), "?")
		charset, _, _ = strings.Cut(charset, "*") // RFC 2231, section 5: a language
		octets := ""
		d := mime.WordDecoder{CharsetReader: func(_ string, in io.Reader) (io.Reader, error) { return in, nil }}
		octets, err := d.Decode("=?octets?" + encoded)
		if err != nil {
			return w
		}
		return []byte(decoded(charset, octets))
	})
	return [][]byte{text, unfolded, words}
}

// textReadings are the ways in which text may be meant, whatever fields say of it.
func textReadings(text []byte) [][]byte {
	all := append(fieldReadings(text), escape.ReplaceAllFunc(text, unescape))
	for _, p := range paragraph.Split(string(text), -1) {
		all = append(all, []byte(p))
		for piece := range strings.SplitSeq(p, "=") { // what is behind the padding, too
			octets, _ := base64.RawStdEncoding.DecodeString(notBase64.ReplaceAllString(piece, ""))
			all = append(all, octets)
		}
	}
	for _, octets := range all[:len(all):len(all)] {
		for _, charset := range []string{"windows-1252", "iso-8859-15", "koi8-r", "windows-1251", "iso-8859-5", "iso-2022-jp", "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr", "utf-16le"} {
			all = append(all, []byte(decoded(charset, string(octets))))
		}
	}
	return all
}

// unescape decodes an escape of quoted-printable, or a soft line break.
func unescape(b []byte) []byte {
	c, _ := hex.DecodeString(string(b[1:]))
	return c
}

func containsAny(texts [][]byte, word string) bool {
	return slices.ContainsFunc(texts, func(text []byte) bool { return containsFold(text, word) })
}

// containsFold tells whether a text has a word, in whatever case.
func containsFold(text []byte, word string) bool {
	return bytes.Contains(bytes.ToLower(text), bytes.ToLower([]byte(word)))
}

// wasSent is the answer to a search by the Date field: as it can be found out from fields that net/mail reads, otherwise ours.
func wasSent(q question) string {
	m := regexp.MustCompile(`(SENT\w+) (\S+)$`).FindStringSubmatch(q.Command)
	day, _ := time.Parse("2-Jan-2006", m[2])
	dates := bytes.Split(bytes.TrimSuffix(fields(q.Message, "Date"), []byte("\n")), []byte("\n"))
	sent, err := netmail.ParseDate(string(bytes.TrimSpace(dates[0])))
	if err != nil || len(dates) > 1 {
		return q.Got
	}
	sent = time.Date(sent.Year(), sent.Month(), sent.Day(), 0, 0, 0, 0, time.UTC)
	found := map[string]bool{"SENTBEFORE": sent.Before(day), "SENTON": sent.Equal(day), "SENTSINCE": !sent.Before(day)}
	if found[m[1]] {
		return "found"
	}
	return "not found"
}

var emptyLine = regexp.MustCompile(`(^|\n)\r?\n`)

// body is what follows the header of a message, and head that.
func body(message []byte) []byte {
	if at := emptyLine.FindIndex(message); at != nil {
		return message[at[1]:]
	}
	return nil
}

func head(message []byte) []byte {
	if at := emptyLine.FindIndex(message); at != nil {
		return message[:at[0]]
	}
	return message
}

func has(text []byte, pattern string) bool { return regexp.MustCompile(pattern).Match(text) }
