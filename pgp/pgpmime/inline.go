package pgpmime

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mailhavn/mailhavn/pgp"
)

// maxInline bounds texts in the inline form, which are taken into memory.
const maxInline = 16 << 20

// openInline reads a text that is an armored message or has a cleartext signature (RFC 9580, sections 6.2 and 7). Nothing may stand before or after it.
func (o *Opened) openInline(ctx context.Context, body io.Reader, d pgp.Decrypter) error {
	data, err := decoded(body, o.outer.encoding())
	if err != nil {
		return ErrNoPGP
	}
	text, err := io.ReadAll(io.LimitReader(data, maxInline+1))
	if err != nil {
		return err
	}
	block, kind, err := inlineBlock(text)
	if err != nil {
		return err
	}
	var m *pgp.Message
	if kind == "MESSAGE" {
		m, err = d.Decrypt(ctx, bytes.NewReader(block))
	} else {
		m, err = pgp.Verifier{Keys: d.Verify, TempDir: d.TempDir, Time: d.Time}.Message(ctx, bytes.NewReader(block))
	}
	if err != nil {
		return err
	}
	o.closers = append(o.closers, m)
	o.Inline, o.Encrypted, o.Signatures, o.DecryptedBy = true, kind == "MESSAGE", m.Signatures, m.DecryptedBy
	_, params := o.outer.mediaType()
	charset := params["charset"]
	if charset == "" || o.Encrypted {
		charset = "utf-8" // RFC 9580, section 5.9, and what programs do
	}
	header := fmt.Sprintf("Content-Type: text/plain; charset=%q\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", charset)
	o.entity = func() io.Reader { return io.MultiReader(strings.NewReader(header), m.Reader()) }
	return nil
}

// inlineBlock finds the block that is all of a text.
func inlineBlock(text []byte) (block []byte, kind string, err error) {
	const begin, end = "-----BEGIN PGP ", "-----END PGP "
	block = bytes.TrimSpace(text)
	for _, form := range []struct{ kind, last string }{{"MESSAGE", "MESSAGE"}, {"SIGNED MESSAGE", "SIGNATURE"}} {
		first, last := []byte(begin+form.kind+"-----"), []byte("\n"+end+form.last+"-----")
		stop := bytes.Index(block, last)
		switch {
		case !bytes.HasPrefix(block, first):
			continue
		case len(block) > maxInline:
			return nil, "", pgp.ErrTooLarge
		case stop+len(last) != len(block): // also if there is no end
			return nil, "", ErrMixed
		}
		return block, form.kind, nil
	}
	return nil, "", findMixed(bytes.NewReader(text))
}
