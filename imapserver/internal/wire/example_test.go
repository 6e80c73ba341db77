package wire_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
)

// A server of two commands. The refused literal of the second command is not taken for a command.
func Example() {
	client := "a rename inbox \"Arkiv &- s&AOU-nt\"\r\n" +
		"b append x {20+}\r\nc rename inbox x\r\n\r\n\r\n" +
		"d append x {5}\r\nhello\r\n" +
		"e rename (\r\n"
	dec := wire.NewDecoder(bufio.NewReader(strings.NewReader(client)))
	var out strings.Builder
	enc := wire.NewEncoder(&out)
	dec.OnLiteral = func(lit wire.Literal) error {
		if lit.Size > 10 {
			return errors.New("too big")
		}
		if lit.NonSync {
			return nil
		}
		return enc.Continue("send it").Flush()
	}
	var tag, name []byte
	for dec.Next() == nil {
		var from, to string
		var lit wire.Literal
		var body io.Reader
		ok := dec.ExpectTag(&tag) && dec.ExpectSP() && dec.ExpectKeyword(&name, "a command") && dec.ExpectSP()
		switch string(name) {
		case "RENAME":
			ok = ok && dec.ExpectMailbox(&from) && dec.ExpectSP() && dec.ExpectMailbox(&to) && dec.ExpectCRLF()
		case "APPEND":
			if ok = ok && dec.ExpectMailbox(&to) && dec.ExpectSP() && dec.ExpectLiteral(&lit, &body); ok {
				from = fmt.Sprint(lit.Size, " octets")
				io.Copy(io.Discard, body)
				ok = dec.ExpectCRLF()
			}
		}
		var bad *wire.SyntaxError
		switch err := dec.Err(); {
		case ok:
			enc.Tag(tag).Raw(" OK ").Text(from).Raw(" to ").Mailbox(to).CRLF()
		case errors.As(err, &bad):
			enc.Status(tag, "BAD", "", bad.Error())
		default:
			enc.Status(tag, "NO", "TOOBIG", err.Error())
		}
		enc.Flush()
	}
	fmt.Print(strings.ReplaceAll(out.String(), "\r\n", "\n"))
	// Output:
	// a OK INBOX to "Arkiv &- s&AOU-nt"
	// b NO [TOOBIG] too big
	// + send it
	// d OK 5 octets to x
	// e BAD expected a mailbox name at column 10
}
