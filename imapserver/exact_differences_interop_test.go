//go:build interop

package imapserver

import (
	"bytes"
	"regexp"
	"slices"
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
			Is: func(q question) bool { return has(q.Message, `\r(\r\n|$)`) },
		},
		{
			Name: "text/plain in upper case", Why: "RFC 2045, section 5.1: the case does not matter; Dovecot has lower case for the default whatever the message has",
			Is: func(q question) bool {
				return strings.Contains(q.Command, " BODY") && strings.Contains(q.Want, `"text" "plain" ("charset" "us-ascii")`) && strings.EqualFold(q.Want, q.Got)
			},
		},
		{
			Name: "a part that does not exist", Why: "RFC 9051, section 9: NIL tells it from an empty one; Dovecot answers with an empty string",
			Is: func(q question) bool {
				return strings.Contains(q.Command, "PEEK[") && strings.HasSuffix(q.Want, `"")`) && strings.TrimSuffix(q.Want, `"")`)+"NIL)" == q.Got
			},
		},
		{
			Name: "what NO leaves out", Why: "RFC 9051, section 7.5.2: FETCH tells what was asked for; Dovecot adds one with UID only, or leaves all out",
			Is: func(q question) bool { return strings.HasPrefix(q.Want, "NO\n") && strings.HasPrefix(q.Got, "NO\n") },
		},
		{
			Name: "the end of a multipart in a multipart", Why: "RFC 2046, section 5.1.1: the line end before a delimiter belongs to it, also behind a closing one; " +
				"Dovecot has it in the part",
			Is: func(q question) bool {
				return has([]byte(q.Command), `PEEK\[[0-9.]+\]`) && strings.TrimSuffix(q.Want, `\r\n")`) == strings.TrimSuffix(q.Got, `")`) && has(q.Message, "(?i)multipart/")
			},
		},
		{
			Name: "fields of a header without an empty line", Why: "RFC 9051, section 6.4.5.1: the empty line is part of each header that is fetched; Dovecot leaves it out in parts",
			Is: func(q question) bool {
				return strings.Contains(q.Command, "HEADER.FIELDS") && strings.TrimSuffix(q.Want, `")`)+`\r\n")` == q.Got
			},
		},
		{
			Name: "fields of a header that a delimiter ends", Why: "RFC 2046, section 5.1.1: a part ends before the delimiter; Dovecot goes on with what follows",
			Is: func(q question) bool {
				return strings.Contains(q.Command, ".HEADER.FIELDS") && strings.HasPrefix(q.Want, strings.TrimSuffix(q.Got, `")`)) && has([]byte(q.Want), `\\r\\n--`)
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
			Name: "no answer at all", Why: "Dovecot 2.3.19 ends the connection at BINARY of some broken parts",
			Is: func(q question) bool {
				return strings.Contains(q.Command, "BINARY") && q.Want == imapservertest.ConnectionLost
			},
		},
		{
			Name: "an encoding that is broken", Why: "RFC 9051, section 6.4.5: UNKNOWN-CTE is for the part that is asked for; Dovecot refuses also what it could decode in part, " +
				"and parts beside one that it cannot",
			Is: func(q question) bool {
				return strings.Contains(q.Command, "BINARY") && strings.HasPrefix(q.Want, "NO\n") && strings.HasPrefix(q.Got, "OK\n") && has(q.Message, "(?i)content-transfer-encoding")
			},
		},
		{
			Name: "the size of a decoded part", Why: "RFC 3516, section 4.3: BINARY.SIZE is the length of BINARY, which is equal in both; Dovecot is wrong by the other parts, even below 0",
			Is: func(q question) bool {
				return strings.Contains(q.Command, "BINARY.SIZE") && strings.HasPrefix(q.Want, "OK\n") && strings.HasPrefix(q.Got, "OK\n") && has(q.Message, "(?i)base64|quoted-printable")
			},
		},
		{
			Name: "a part with parts of its own", Why: "RFC 3516, section 4.3: BINARY removes the encoding of the part itself, and composite ones have none; " +
				"Dovecot decodes the parts within too and changes their headers, or refuses",
			Is: func(q question) bool { return isComposite(q) && !strings.HasPrefix(q.Got, "NO") },
		},
		{
			Name: "NUL in a part that is binary", Why: "RFC 3516, section 4.4, allows to change the encoding, and RFC 9051, section 2.3.4, needs not: ours keeps what was appended; Dovecot makes base64 of it",
			Is: func(q question) bool {
				return bytes.IndexByte(q.Message, 0) >= 0 && has(q.Message, "(?i)content-transfer-encoding[ \t]*:\\s*binary")
			},
		},
		{
			Name: "text that stands in a field", Why: "RFC 9051, section 6.4.4: the field is searched, whatever else is wrong with it; Dovecot searches addresses that it could read, written anew",
			Is: func(q question) bool {
				key, word := searched(q.Command)
				return q.Got == "found" && containsFold(fields(q.Message, key), word)
			},
		},
		{
			Name: "text that stands in no field", Why: "RFC 9051, section 6.4.4: the field is searched; Dovecot finds quotes, angle brackets and MISSING_DOMAIN that it puts there",
			Is: func(q question) bool {
				key, word := searched(q.Command)
				return q.Want == "found" && isAddressKey(key) && !containsFold(encodedWord.ReplaceAll(fields(q.Message, key), nil), word)
			},
		},
		{
			Name: "text of the message", Why: "RFC 9051, section 6.4.4: BODY is all of the body, headers of messages within it and all parts too; Dovecot leaves out some",
			Is: func(q question) bool {
				key, word := searched(q.Command)
				return q.Got == "found" && (key == "BODY" || key == "TEXT") && containsFold(q.Message, word)
			},
		},
		{
			Name: "text in parts that are encoded, or in headers within the body", Why: "RFC 9051, section 6.4.4: what can be decoded is searched; Dovecot stops where an encoding is broken",
			Is: func(q question) bool {
				key, _ := searched(q.Command)
				return q.Got == "found" && (key == "BODY" || key == "TEXT") && has(q.Message, `(?i)base64|quoted-printable|=\?[^?]*\?[bq]\?`)
			},
		},
		{
			Name: "the language of an encoded word", Why: "RFC 2231, section 5: it may follow the charset; Dovecot does not decode such a word",
			Is: func(q question) bool { return q.Got == "found" && has(head(q.Message), `=\?[^? ]*\*[^? ]*\?`) },
		},
		{
			Name: "a tab that continues a line", Why: "RFC 5322, section 2.2.3: only the line end is removed; Dovecot makes a space of both",
			Is: func(q question) bool {
				key, word := searched(q.Command)
				return q.Want == "found" && (key == "TEXT" || key == "BODY") && strings.HasSuffix(word, " ") && has(q.Message, `\n\t`)
			},
		},
		{
			Name: "a line of white space in a header", Why: "RFC 5322, section 4.2: it continues a field; Dovecot finds words of the header in BODY",
			Is: func(q question) bool {
				key, _ := searched(q.Command)
				return q.Want == "found" && key == "BODY" && has(head(q.Message), `\n[ \t]+\r\n`)
			},
		},
		{
			Name: "the empty text in a message without text", Why: "RFC 9051, section 6.4.4: parts that are no text need not be searched; where none is, nothing is found in ours, the empty text by Dovecot",
			Is: func(q question) bool {
				return q.Want == "found" && strings.HasSuffix(q.Command, `BODY ""`) && has(head(q.Message), "(?i)content-type[ \t]*:\\s*(multipart|image|application|x-)")
			},
		},
		{
			Name: "a Date that is none, or before 1970", Why: "RFC 9051, section 6.4.4: a Date field that cannot be read is not earlier or later than another; for Dovecot it is 1970 or the day it comes to",
			Is: func(q question) bool {
				key, _ := searched(q.Command)
				return strings.HasPrefix(key, "SENT") && !isPlain(q.Message, "date")
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

// fields are the bodies of the fields with a name, unfolded.
func fields(m []byte, name string) []byte {
	var all []byte
	for field, body := range message.Fields(head(m)) {
		if strings.EqualFold(string(field), name) {
			all = append(append(all, bytes.ReplaceAll(body, []byte("\r\n"), nil)...), '\n')
		}
	}
	return all
}

var encodedWord = regexp.MustCompile(`=\?[^?]*\?[BbQq]\?[^?]*\?=`)

func isAddressKey(key string) bool { return slices.Contains([]string{"FROM", "TO", "CC", "BCC"}, key) }

// searched is the key of a SEARCH command, with the word that is searched.
func searched(command string) (key, word string) {
	m := regexp.MustCompile(`(?s)^UID SEARCH (?:CHARSET \S+ )?(\S+)[^{]*(?:\{\d+\+\}\r\n(.*))?$`).FindStringSubmatch(command)
	if m == nil {
		return "none", ""
	}
	return m[1], m[2]
}

// containsFold tells whether a text has a word, in whatever case.
func containsFold(text []byte, word string) bool {
	return bytes.Contains(bytes.ToLower(text), bytes.ToLower([]byte(word)))
}

// isComposite tells whether BINARY was asked for a part that has parts of its own.
func isComposite(q question) bool {
	m := regexp.MustCompile(`BINARY[A-Z.]*\[([0-9.]+)\]`).FindStringSubmatch(q.Command)
	return m != nil && slices.ContainsFunc(q.Parts, func(part string) bool { return strings.HasPrefix(part, m[1]+".") })
}

// head is the header of a message.
func head(message []byte) []byte {
	h, _, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	return h
}

func has(text []byte, pattern string) bool { return regexp.MustCompile(pattern).Match(text) }
