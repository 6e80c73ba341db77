package pgpmime

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailhavn/mailhavn/pgp"
)

// maxAround bounds what stands before and after the parts of an encrypted message: the line that explains it to old programs.
const maxAround = 256

// Inspect reads a message to its end and tells to whom it is encrypted, without opening it. No error means that all of its body is one encrypted message in the form of PGP/MIME
// or inline, with hardly anything around it; what is only called encrypted is an error.
func Inspect(ctx context.Context, message io.Reader) (pgp.Inspection, error) {
	in := bufio.NewReaderSize(message, 32<<10)
	h, err := readHead(in)
	if err != nil {
		return pgp.Inspection{}, err
	}
	media, params := h.mediaType()
	switch {
	case h.rest != nil:
	case media == "multipart/encrypted" && params["protocol"] == "application/pgp-encrypted":
		return inspectParts(ctx, in, params["boundary"])
	case media == "text/plain":
		return inspectInline(ctx, in, h.encoding())
	}
	return pgp.Inspection{}, ErrNoPGP
}

func inspectParts(ctx context.Context, in *bufio.Reader, boundary string) (i pgp.Inspection, err error) {
	p := newPart(in, boundary)
	if err := quiet(p); err != nil {
		return i, err
	}
	if err := p.enter("application/pgp-encrypted", nil); err != nil {
		return i, err
	}
	if err := quiet(p); err != nil {
		return i, err
	}
	var data io.Reader
	if err := p.enter("application/octet-stream", &data); err != nil {
		return i, err
	}
	if i, err = pgp.Inspect(ctx, data); err != nil {
		return i, err
	}
	if err := p.leave(); err != nil {
		return i, err
	}
	return i, quiet(in)
}

// quiet makes sure that there is next to nothing left.
func quiet(r io.Reader) error {
	if n, err := io.Copy(io.Discard, io.LimitReader(r, maxAround+1)); err != nil {
		return err
	} else if n > maxAround {
		return fmt.Errorf("%w: text", ErrMixed)
	}
	return nil
}

func inspectInline(ctx context.Context, in io.Reader, encoding string) (pgp.Inspection, error) {
	data, err := decoded(in, encoding)
	if err != nil {
		return pgp.Inspection{}, ErrNoPGP
	}
	text, err := io.ReadAll(io.LimitReader(data, maxInline+1))
	if err != nil {
		return pgp.Inspection{}, err
	}
	block, kind, err := inlineBlock(text)
	if err == nil && kind != "MESSAGE" {
		err = errors.Join(ErrNoPGP, pgp.ErrNotEncrypted)
	}
	if err != nil {
		return pgp.Inspection{}, err
	}
	return pgp.Inspect(ctx, bytes.NewReader(block))
}
