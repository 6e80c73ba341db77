package pgp

import (
	"encoding/base64"
	"io"
)

// armorWriter writes data in armored form (RFC 9580, section 6.2), without the checksum that nobody may look at (section 6.1). go-crypto's does
// the same at half the speed.
type armorWriter struct {
	dst   io.Writer
	label string
	begun bool
	rest  []byte // less than perLine
	out   []byte
}

// perLine is how many octets a line of 64 characters holds.
const perLine = 48

// Write implements io.Writer.
func (a *armorWriter) Write(p []byte) (int, error) {
	a.out = a.out[:0]
	a.begin()
	n := len(p)
	if len(a.rest) > 0 {
		fill := min(perLine-len(a.rest), len(p))
		a.rest = append(a.rest, p[:fill]...)
		if p = p[fill:]; len(a.rest) < perLine {
			return n, a.flush()
		}
		a.line(a.rest)
		a.rest = a.rest[:0]
	}
	for ; len(p) >= perLine; p = p[perLine:] {
		a.line(p[:perLine])
	}
	a.rest = append(a.rest, p...)
	return n, a.flush()
}

func (a *armorWriter) begin() {
	if !a.begun {
		a.begun = true
		a.out = append(a.out, "-----BEGIN "+a.label+"-----\n\n"...)
	}
}

func (a *armorWriter) line(p []byte) {
	a.out = append(base64.StdEncoding.AppendEncode(a.out, p), '\n')
}

func (a *armorWriter) flush() error {
	if len(a.out) == 0 {
		return nil
	}
	_, err := a.dst.Write(a.out)
	return err
}

// Close writes the end. It does not close what is written to.
func (a *armorWriter) Close() error {
	a.out = a.out[:0]
	a.begin()
	if len(a.rest) > 0 {
		a.line(a.rest)
	}
	a.out = append(a.out, "-----END "+a.label+"-----\n"...)
	return a.flush()
}
