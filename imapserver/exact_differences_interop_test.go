//go:build interop

package imapserver

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
	"github.com/mailhavn/mailhavn/storage/message"
)

type question = imapservertest.Question

// exactDifferences are those of which we know which server is right. The first that recognises a difference counts it.
func exactDifferences() []imapservertest.Difference {
	return []imapservertest.Difference{
		{
			Name: "a CR before CRLF, or at the end", Why: "RFC 9051, section 2.3.4: the size is that of what was appended; Dovecot drops such a CR",
			Reads: func(m []byte) []byte { return surplusCR.ReplaceAll(m, []byte("$1")) },
		},
		{
			Name: "NUL in the name of a field", Why: "RFC 5322, section 2.2: names are printable; Dovecot passes over NUL there",
			Reads: nameWithoutNUL, Rare: true,
			Is: func(q question) bool {
				return has([]byte(q.Command), "^UID (SORT|THREAD)") && fieldNUL.Match(head(q.Message))
			},
		},
		{
			Name: "text/plain in upper case", Why: "RFC 2045, section 5.1: the case does not matter; Dovecot has lower case for the default whatever the message has",
			Is: func(q question) bool {
				return strings.Contains(q.Command, " BODY") && q.Want == defaultType.ReplaceAllStringFunc(q.Got, strings.ToLower)
			},
		},
		{
			Name: "a part that does not exist", Why: "RFC 9051, section 9: NIL tells it from an empty one; Dovecot answers with an empty string",
			Is: func(q question) bool {
				return strings.HasSuffix(q.Want, `"")`) && strings.TrimSuffix(q.Want, `"")`)+"NIL)" == q.Got && !sectionExists(q)
			},
		},
		{
			Name: "what NO leaves out", Why: "RFC 9051, section 7.5.2: FETCH tells what was asked for; Dovecot adds one with UID only",
			Is: func(q question) bool { return q.Got == "NO\n" && has([]byte(q.Want), `^NO\n\d+ FETCH \(UID \d+\)$`) },
		},
		{
			Name: "the end of a multipart in a multipart", Why: "RFC 2046, section 5.1.1: the line end before a delimiter belongs to it, also behind a closing one; " +
				"Dovecot has it in the part",
			Is: func(q question) bool {
				return isComposite(q) && strings.TrimSuffix(q.Want, `\r\n")`) == strings.TrimSuffix(q.Got, `")`)
			},
		},
		{
			Name: "fields of a header without an empty line", Why: "RFC 9051, section 6.4.5.1: the empty line is part of each header that is fetched, but where a message has neither it nor a body; " +
				"there Dovecot has it or not by where the fields come from, ours always with HEADER.FIELDS and never with HEADER.FIELDS.NOT",
			Is: func(q question) bool {
				longer, shorter := q.Got, q.Want
				if strings.Contains(q.Command, "HEADER.FIELDS.NOT ") {
					longer, shorter = shorter, longer
				}
				rest, ok := strings.CutPrefix(longer, strings.TrimSuffix(shorter, `")`))
				return ok && strings.Contains(q.Command, "HEADER.FIELDS") && has([]byte(rest), `^(\\r\\n){1,2}"\)$`)
			},
		},
		{
			Name: "fields of a header that a delimiter ends", Why: "RFC 2046, section 5.1.1: a part ends before the delimiter; Dovecot goes on with what follows",
			Is: func(q question) bool {
				return strings.Contains(q.Command, ".HEADER.FIELDS") && strings.HasPrefix(q.Want, strings.TrimSuffix(q.Got, `")`)) && has([]byte(q.Want), `(\\r\\n|")--`)
			},
		},
		{
			Name: "a part that is not MIME", Why: "RFC 2045, section 4: without MIME-Version there is no encoding, as BODYSTRUCTURE says in both; Dovecot decodes",
			Is: func(q question) bool {
				return strings.Contains(q.Command, "BINARY") && strings.HasPrefix(q.Want, "OK\n") && !has(head(q.Message), "(?im)^(mime-version|content-type)[ \\t]*:") &&
					has(head(q.Message), "(?im)^content-transfer-encoding")
			},
		},
		{
			Name: "no answer at all", Why: "Dovecot 2.3.19 ends the connection at BINARY of some broken parts, and at some pieces of header fields", Rare: true,
			Is: func(q question) bool {
				return q.Want == imapservertest.ConnectionLost && has([]byte(q.Command), `BINARY|HEADER\.FIELDS .*<`)
			},
		},
		{
			Name: "an encoding that is broken", Why: "RFC 9051, section 6.4.5: UNKNOWN-CTE is for the part that is asked for, and composite ones have no encoding; Dovecot refuses also what it could decode in part, " +
				"and parts beside one that it cannot",
			Is: func(q question) bool {
				part := q.Parts[binaryPart(q)]
				return strings.HasPrefix(q.Want, "NO\n") && strings.HasPrefix(q.Got, "OK\n") &&
					(part.Type == "multipart/" || part.Type == "message/rfc822" || slices.Contains([]string{"7bit", "8bit", "binary", "base64", "quoted-printable"}, part.Encoding))
			},
		},
		{
			Name: "the size of a decoded part", Why: "RFC 3516, section 4.3: BINARY.SIZE is the length of BINARY; Dovecot is wrong by the other parts, even below 0",
			Is: func(q question) bool {
				size := fetched(q.Got)
				return strings.Contains(q.Command, "BINARY.SIZE") && strings.HasPrefix(q.Want, "OK\n") && size == strconv.Itoa(len(fetched(q.Ask(strings.Replace(q.Command, "BINARY.SIZE", "BINARY.PEEK", 1)))))
			},
		},
		{
			Name: "a part with parts of its own", Why: "RFC 3516, section 4.3: BINARY removes the encoding of the part itself, and composite ones have none; " +
				"Dovecot decodes the parts within too and changes their headers",
			Is: func(q question) bool {
				return isComposite(q) && strings.Contains(q.Command, "BINARY.PEEK") && strings.ReplaceAll(fetched(q.Got), "\x00", "\x80") == fetched(q.Ask(strings.Replace(q.Command, "BINARY.PEEK", "BODY.PEEK", 1)))
			},
		},
		{
			Name: "NUL in a part that is binary", Why: "RFC 3516, section 4.4, allows to change the encoding, and RFC 9051, section 2.3.4, needs not: ours keeps what was appended; Dovecot makes base64 of it",
			Is: func(q question) bool {
				return bytes.IndexByte(q.Message, 0) >= 0 && has(q.Message, "(?i)content-transfer-encoding[ \t]*:\\s*binary") && has([]byte(q.Command), "^FETCH|SIZE|LARGER|SMALLER|BODY|TEXT")
			},
		},
		{
			Name: "text that stands in a field", Why: "RFC 9051, section 6.4.4: the field is searched, whatever else is wrong with it; Dovecot searches addresses that it could read, written anew",
			Is: func(q question) bool {
				s := searched(q.Command)
				return q.Got == "found" && s.word != "" && containsAny(fieldReadings(fields(q.Message, s.key)), s.word)
			},
		},
		{
			Name: "text that stands in no field", Why: "RFC 9051, section 6.4.4: the field is searched; Dovecot finds what it puts into addresses when it writes them anew: " +
				"quotes, angle brackets, a space after a name that was a comment, MISSING_DOMAIN",
			Is: func(q question) bool {
				s := searched(q.Command)
				words := fieldReadings(fields(q.Message, s.key))[2]
				added := containsFold([]byte(addedToAddresses), s.word) || strings.HasSuffix(s.word, " ") && containsFold(words, strings.TrimSuffix(s.word, " ")+")")
				return q.Want == "found" && isAddressKey(s.key) && added && !containsFold(words, s.word)
			},
		},
		{
			Name: "text that stands nowhere", Why: "RFC 9051, section 6.4.4: BODY is the body; Dovecot finds short words behind the end of base64, and sometimes in text of Asian charsets", Rare: true,
			Is: func(q question) bool {
				s := searched(q.Command)
				return q.Want == "found" && s.key == "BODY" && !containsAny(textReadings(body(q.Message)), s.word)
			},
		},
		{
			Name: "a piece of a text with bare CR", Why: "RFC 9051, section 6.4.5: the piece begins at that octet; Dovecot counts wrongly once it has met a CR", Rare: true,
			Is: func(q question) bool { return has(q.Message, `\r[^\n]`) && isPiece(q) },
		},
		{
			Name: "a thousand characters before a parameter", Why: "RFC 2045, section 5.1: parameters are separated by semicolons; Dovecot gives up at so much that is none", Rare: true,
			Is: func(q question) bool {
				return strings.Contains(q.Command, " BODY") && strings.Contains(q.Want, `" NIL)`) && has(q.Message, `x{1000}[^\r\n;]*;`)
			},
		},
		{
			Name: "a boundary by RFC 2231", Why: "RFC 9051, section 6.4.4: BODY is no MIME header; Dovecot finds those of the parts of a multipart that has no parts by its BODYSTRUCTURE, as in ours", Rare: true,
			Is: func(q question) bool {
				s := searched(q.Command)
				return q.Want == "found" && s.key == "BODY" && containsFold(body(q.Message), s.word) && has(body(q.Message), `(?i)boundary\*=`)
			},
		},
		{
			Name: "text of the message", Why: "RFC 9051, section 6.4.4: BODY is all of the body, headers of messages within it and parts with an unknown encoding too; Dovecot leaves these out",
			Is: func(q question) bool {
				s := searched(q.Command)
				return q.Got == "found" && s.word != "" && containsFold(s.text(q.Message), s.word)
			},
		},
		{
			Name: "text that is encoded", Why: "RFC 9051, section 6.4.4: what can be decoded is searched, in headers within the body too; Dovecot stops where an encoding is broken",
			Is: func(q question) bool {
				s := searched(q.Command)
				return q.Got == "found" && s.word != "" && containsAny(textReadings(s.text(q.Message)), s.word)
			},
		},
		{
			Name: "a Date that is none, or before 1970", Why: "RFC 9051, section 6.4.4: a Date field that cannot be read is not earlier or later than another; for Dovecot it is 1970 or the day it comes to",
			Is: func(q question) bool {
				return strings.HasPrefix(searched(q.Command).key, "SENT") && q.Got == wasSent(q)
			},
		},
		{
			Name: "the place of a message with broken fields", Why: "RFC 5256, section 2.2 and 3, say how dates, subjects, addresses and identifiers are compared, but not how broken ones are read",
			Is: func(q question) bool {
				if !strings.HasPrefix(q.Command, "UID SORT") && !strings.HasPrefix(q.Command, "UID THREAD") {
					return false
				}
				return slices.ContainsFunc(orderFields(q.Command), func(field string) bool { return !isPlain(q.Message, field) })
			},
		},
	}
}

// orderFields are the fields on which an order depends.
func orderFields(command string) []string {
	for order, fields := range map[string][]string{
		"REFERENCES": {"date", "subject", "message-id", "in-reply-to", "references"}, "ORDEREDSUBJECT": {"date", "subject"},
		"(DATE": {"date"}, "(SUBJECT REVERSE DATE": {"subject", "date"}, "SUBJECT)": {"subject"}, "FROM)": {"from"}, "TO)": {"to"}, "(CC": {"cc"},
	} {
		if strings.Contains(command, order) {
			return fields
		}
	}
	return nil
}

// plainFields are forms of fields about which nobody can be in doubt.
var plainFields = map[string]*regexp.Regexp{
	"date":        regexp.MustCompile(`^([A-Z][a-z]{2}, )?(0?[1-9]|[12]\d) [A-Z][a-z]{2} (19[89]|20[0-3])\d ([01]\d|2[0-3]):\d\d:[0-5]\d [+-]0\d00$`),
	"subject":     regexp.MustCompile(`^[\w -]+$`),
	"from":        plainAddress,
	"to":          plainAddress,
	"cc":          plainAddress,
	"message-id":  plainIDs,
	"in-reply-to": plainIDs,
	"references":  plainIDs,
}

var (
	plainAddress = regexp.MustCompile(`^([\w ]+ <\w[\w.]*@\w[\w.]*>|\w[\w.]*@\w[\w.]*)$`)
	plainIDs     = regexp.MustCompile(`^(<[\w.-]+@[\w.-]+> ?)+$`)
)

// isPlain tells whether a message has a field once, in a form about which nobody can be in doubt.
func isPlain(m []byte, name string) bool {
	n, plain := 0, true
	for field, body := range message.Fields(head(m)) {
		if strings.EqualFold(string(field), name) {
			n++
			plain = plain && plainFields[name].Match(body)
		}
	}
	return n == 1 && plain || n == 0 && name != "date"
}
