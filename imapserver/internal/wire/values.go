package wire

import (
	"strings"
	"unicode/utf8"
)

// Mailbox reads a mailbox name and gives it as UTF-8: decoded from modified UTF-7 unless d.UTF8. A name with 8-bit
// octets is no modified UTF-7, so it is UTF-8 in any case. INBOX in any case is "INBOX". The name has no NUL and is valid UTF-8; nothing else is checked (RFC 9051, section 5.1).
func (d *Decoder) Mailbox(dst *string) bool { return d.name(astringChar, dst) }

// ExpectMailbox is Mailbox for one that must be there.
func (d *Decoder) ExpectMailbox(dst *string) bool {
	return d.Mailbox(dst) || d.Expected("a mailbox name")
}

// ListMailbox reads a mailbox name that may have the wildcards "*" and "%", as Mailbox does.
func (d *Decoder) ListMailbox(dst *string) bool { return d.name(listChar, dst) }

// ExpectListMailbox is ListMailbox for one that must be there.
func (d *Decoder) ExpectListMailbox(dst *string) bool {
	return d.ListMailbox(dst) || d.Expected("a mailbox name or pattern")
}

func (d *Decoder) name(k class, dst *string) bool {
	if !d.ready() {
		return false
	}
	column := d.Column()
	var s string
	if !d.run(k, &s) && !d.String(&s) {
		return false
	}
	ok := true
	switch {
	case equalFold(s, "INBOX"):
		s = "INBOX"
	case d.UTF8 || strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }):
		ok = utf8.ValidString(s)
	default:
		s, ok = DecodeUTF7(s)
	}
	if !ok {
		return d.expectedAt(column, "a mailbox name")
	}
	*dst = s
	return true
}

// systemFlags are the flags of RFC 9051, section 2.3.2, in the case they are written there.
var systemFlags = [...]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\Recent`}

// Flag reads a flag: an atom, or a backslash and an atom. The system flags of RFC 3501 come in their usual case, `\Seen`;
// others as they are.
func (d *Decoder) Flag(dst *string) bool {
	rest := d.rest()
	if len(rest) == 0 || rest[0] != '\\' {
		return d.Atom(dst)
	}
	n := 1 + span(rest[1:], atomChar)
	if n == 1 {
		return false
	}
	d.pos += n
	for _, f := range systemFlags {
		if equalFold(rest[:n], f) {
			*dst = f
			return true
		}
	}
	*dst = string(rest[:n])
	return true
}

// ExpectFlag is Flag for one that must be there.
func (d *Decoder) ExpectFlag(dst *string) bool { return d.Flag(dst) || d.Expected("a flag") }

// FlagList reads flags in parentheses into *dst, whose capacity it reuses.
func (d *Decoder) FlagList(dst *[]string) bool {
	*dst = (*dst)[:0]
	return d.List(func() bool { return d.appendFlag(dst) })
}

// ExpectFlagList is FlagList for one that must be there.
func (d *Decoder) ExpectFlagList(dst *[]string) bool {
	return d.FlagList(dst) || d.Expected("a list of flags")
}

// ExpectFlags reads what STORE takes: flags in parentheses, or one or more without (RFC 9051, section 6.4.6).
func (d *Decoder) ExpectFlags(dst *[]string) bool {
	if d.FlagList(dst) {
		return true
	}
	for d.appendFlag(dst) {
		if !d.SP() {
			return true
		}
	}
	return false
}

func (d *Decoder) appendFlag(dst *[]string) bool {
	var f string
	ok := d.ExpectFlag(&f)
	if ok {
		*dst = append(*dst, f)
	}
	return ok
}

// SeqSet reads a sequence set: numbers and ranges, with "*", or "$" for the result of the last SEARCH.
func (d *Decoder) SeqSet(dst *NumSet) bool { return d.numSet(true, dst) }

// ExpectSeqSet is SeqSet for one that must be there.
func (d *Decoder) ExpectSeqSet(dst *NumSet) bool {
	return d.SeqSet(dst) || d.Expected("a sequence set")
}

// UIDSet reads a set of UIDs without "*" and "$" (RFC 4315, section 4).
func (d *Decoder) UIDSet(dst *NumSet) bool { return d.numSet(false, dst) }

// ExpectUIDSet is UIDSet for one that must be there.
func (d *Decoder) ExpectUIDSet(dst *NumSet) bool {
	return d.UIDSet(dst) || d.Expected("a set of UIDs")
}

func (d *Decoder) numSet(symbols bool, dst *NumSet) bool {
	set, n, tooMany := scanNumSet(d.rest(), d.Limits.set(), symbols)
	if tooMany {
		return d.Expected("a smaller set of numbers")
	}
	if n > 0 {
		*dst = set
		d.pos += n
	}
	return n > 0
}
