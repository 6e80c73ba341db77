package main

import (
	"fmt"
	"net"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// envelope is what a message's trace fields tell.
type envelope struct {
	from string // reverse path, "" for a bounce
	to   string // the recipient; "" where there are several, who need not know of each other
	helo string // what the client calls itself
	peer net.Addr
	host string // this server
	utf8 bool   // the client said SMTPUTF8
	id   string
	when time.Time
}

// trace returns the fields that final delivery puts before a message (RFC 5321, section 4.4).
func (e *envelope) trace() string {
	with := "LMTP" // RFC 3848
	if e.utf8 {
		with = "UTF8LMTP" // RFC 6531, section 4.3
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Return-Path: <%s>\r\n", formatAddress(e.from))
	fmt.Fprintf(&b, "Received: from %s (%s)\r\n\tby %s with %s id %s", sanitizeHost(e.helo), addressLiteral(e.peer), sanitizeHost(e.host), with, e.id)
	if to := formatAddress(e.to); to != "" {
		fmt.Fprintf(&b, "\r\n\tfor <%s>", to)
	}
	fmt.Fprintf(&b, ";\r\n\t%s\r\n", e.when.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	return b.String()
}

// addressLiteral writes an address as RFC 5321, section 4.1.3, has it.
func addressLiteral(a net.Addr) string {
	t, ok := a.(*net.TCPAddr)
	switch {
	case !ok:
		return "local"
	case t.IP.To4() != nil:
		return "[" + t.IP.String() + "]"
	}
	return "[IPv6:" + t.IP.String() + "]"
}

// sanitizeHost returns the name of a host, or "unknown" where it has what no such name has. What a client calls itself must
// not end the field or its comment.
func sanitizeHost(name string) string {
	odd := func(r rune) bool {
		return !(unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune(".-_:[]", r))
	}
	if name == "" || len(name) > 255 || !utf8.ValidString(name) || strings.ContainsFunc(name, odd) {
		return "unknown"
	}
	return name
}

// formatAddress writes an address whose local part the library has unquoted; "" where it cannot stand in a header field.
func formatAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || !utf8.ValidString(address) || strings.ContainsFunc(address, unicode.IsControl) {
		return ""
	}
	local, domain := address[:at], address[at+1:]
	if sanitizeHost(domain) != domain {
		return ""
	}
	if isDotAtom(local) {
		return address
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"@` + domain
}

// isDotAtom tells whether a local part needs no quotes (RFC 5321, section 4.1.2, and RFC 6531, section 3.3).
func isDotAtom(local string) bool {
	for part := range strings.SplitSeq(local, ".") {
		if part == "" {
			return false
		}
		for _, r := range part {
			if r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r) {
				return false
			}
		}
	}
	return true
}
