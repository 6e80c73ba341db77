// Package maildir knows how mail lies in a Maildir++ tree: the names of folders and of message files.
package maildir

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// maxFolder is the longest folder name made from a mailbox name, in bytes: file systems end at 255.
const maxFolder = 200

// FolderName returns the folder of a mailbox below the Maildir root: ".Lists.Go" for "Lists/Go", in modified UTF-7
// as other maildir programs expect it. A dot, backslash or control character within a level is written as a
// backslash and two hexadecimal digits, so that two names never share a folder. The answer is false where the
// name would be too long; the caller then uses the mailbox's id, which no name can look like: it has no leading dot.
func FolderName(mailbox string) (string, bool) {
	var b strings.Builder
	for level := range strings.SplitSeq(mailbox, "/") {
		b.WriteByte('.')
		b.WriteString(escape(utf7(level)))
	}
	return b.String(), b.Len() <= maxFolder
}

func escape(level string) string {
	var b strings.Builder
	for i := range len(level) {
		if c := level[i]; c == '.' || c == '\\' || c < 0x20 || c == 0x7f {
			fmt.Fprintf(&b, `\%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

const utf7Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"

// utf7 is the encoding of RFC 3501, section 5.1.3.
func utf7(s string) string {
	var b strings.Builder
	var wide []uint16
	flush := func() {
		if len(wide) == 0 {
			return
		}
		b.WriteByte('&')
		acc, bits := uint32(0), 0
		for _, u := range wide {
			acc, bits = acc<<16|uint32(u), bits+16
			for ; bits >= 6; bits -= 6 {
				b.WriteByte(utf7Alphabet[acc>>(bits-6)&63])
			}
		}
		if bits > 0 {
			b.WriteByte(utf7Alphabet[acc<<(6-bits)&63])
		}
		b.WriteByte('-')
		wide = wide[:0]
	}
	for _, r := range s {
		switch {
		case r < 0x20 || r >= 0x7f:
			wide = utf16.AppendRune(wide, r)
		case r == '&':
			flush()
			b.WriteString("&-")
		default:
			flush()
			b.WriteRune(r)
		}
	}
	flush()
	return b.String()
}

// File is what the name of a message file that we made tells. It follows from what never changes about the message,
// so that a mailbox can be rebuilt from its files.
type File struct {
	Date        int64 // INTERNALDATE, Unix seconds
	UIDValidity uint32
	UID         uint32
	EmailID     [16]byte
	Stored      uint32 // bytes of the file
	Size        uint32 // bytes with every line end CRLF
}

// Base returns the name without flags: "1700000000.V65a1b2c3U12E<32 hex>.mailhavn,S=345,W=352".
func (f File) Base() string {
	return fmt.Sprintf("%d.V%08xU%dE%x.mailhavn,S=%d,W=%d", f.Date, f.UIDValidity, f.UID, f.EmailID, f.Stored, f.Size)
}

// ParseBase reads what Base writes.
func ParseBase(s string) (f File, ok bool) {
	var email string
	if n, err := fmt.Sscanf(s, "%d.V%8xU%dE%32s", &f.Date, &f.UIDValidity, &f.UID, &email); err != nil || n != 4 {
		return File{}, false
	}
	if len(email) != 32 {
		return File{}, false
	}
	for i := range f.EmailID {
		v, err := strconv.ParseUint(email[2*i:2*i+2], 16, 8)
		if err != nil {
			return File{}, false
		}
		f.EmailID[i] = byte(v)
	}
	_, tail, found := strings.Cut(s, email)
	if n, err := fmt.Sscanf(tail, ".mailhavn,S=%d,W=%d", &f.Stored, &f.Size); !found || err != nil || n != 2 {
		return File{}, false
	}
	return f, f.Base() == s
}

// letters in the order of the bits of the flags \Seen, \Answered, \Flagged, \Deleted, \Draft.
const letters = "SRFTD"

// Info returns the part of a file name that tells the flags, with the separator: ":2,FS". Bit i of flags stands for
// the i-th of \Seen, \Answered, \Flagged, \Deleted, \Draft.
func Info(flags uint16) string {
	b := []byte(":2,")
	for _, c := range []byte("DFRST") { // ASCII order, as every maildir program writes them
		if flags>>strings.IndexByte(letters, c)&1 != 0 {
			b = append(b, c)
		}
	}
	return string(b)
}

// ParseInfo reads the letters that Info writes behind ":2,"; others are passed over.
func ParseInfo(info string) (flags uint16) {
	for i := range len(letters) {
		if strings.IndexByte(info, letters[i]) >= 0 {
			flags |= 1 << i
		}
	}
	return flags
}
