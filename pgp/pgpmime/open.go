package pgpmime

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/internal/spool"
)

// Opened is what was in an encrypted or signed message. It is kept in memory or in an encrypted temporary file until Close. It is for one goroutine at a time.
type Opened struct {
	Encrypted   bool
	Signatures  []pgp.Signature // all that are there, good and bad
	DecryptedBy *pgp.Key        // the key that opened it, nil if none was needed
	Header      Protection      // of the header that Message gives
	Inline      bool            // the old form: only the text was encrypted or signed

	outer   *head
	entity  func() io.Reader // what was encrypted or signed
	closers []io.Closer
}

// Protection says how the header fields of a message were protected.
type Protection string

// The protections. Without one the fields are those outside, which anybody on the way may have written.
const (
	HeaderUnprotected Protection = ""
	HeaderPartial     Protection = "partial" // some fields, in the form that came before RFC 9788; the others are those outside
	HeaderSigned      Protection = "clear"   // RFC 9788: covered by the signatures
	HeaderEncrypted   Protection = "cipher"  // RFC 9788: covered by the encryption, and by the signatures if there are some
)

// Open reads a message to its end, decrypts it and verifies it. Nothing can be read before all of it has proved to be whole; with an error nothing leaves.
// Bad signatures are no error. The error is one of this package, of package pgp, or of reading. The caller closes what comes back.
func Open(ctx context.Context, message io.Reader, d pgp.Decrypter) (*Opened, error) {
	o := &Opened{}
	err := o.open(ctx, bufio.NewReaderSize(message, 32<<10), d)
	if err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func (o *Opened) open(ctx context.Context, in *bufio.Reader, d pgp.Decrypter) (err error) {
	if o.outer, err = readHead(in); err != nil {
		return err
	}
	media, params := o.outer.mediaType()
	body := io.MultiReader(bytes.NewReader(o.outer.rest), in)
	switch {
	case media == "multipart/encrypted" && params["protocol"] == "application/pgp-encrypted":
		err = o.openEncrypted(ctx, bufio.NewReader(body), params["boundary"], d)
	case isSigned(media, params):
		err = o.openSigned(ctx, body, params["boundary"], d)
	case media == "text/plain":
		err = o.openInline(ctx, body, d)
	default:
		err = findMixed(in)
	}
	if err == nil {
		err = o.readProtection()
	}
	return err
}

func isSigned(media string, params map[string]string) bool {
	return media == "multipart/signed" && params["protocol"] == "application/pgp-signature" && params["boundary"] != ""
}

// openEncrypted reads a multipart/encrypted (RFC 3156, section 4): two parts, the second with the data.
func (o *Opened) openEncrypted(ctx context.Context, in *bufio.Reader, boundary string, d pgp.Decrypter) error {
	p := newPart(in, boundary)
	if err := p.enter("application/pgp-encrypted", nil); err != nil {
		return err
	}
	var data io.Reader
	if err := p.enter("application/octet-stream", &data); err != nil {
		return err
	}
	m, err := d.Decrypt(ctx, data)
	if err != nil {
		return err
	}
	o.closers = append(o.closers, m)
	if err := p.leave(); err != nil {
		return err
	}
	o.Encrypted, o.DecryptedBy, o.Signatures, o.entity = true, m.DecryptedBy, m.Signatures, m.Reader
	inner := bufio.NewReader(m.Reader())
	h, err := readHead(inner)
	if err != nil {
		return err
	}
	if media, params := h.mediaType(); isSigned(media, params) && len(m.Signatures) == 0 { // RFC 3156, section 6.1
		_, err := o.verify(ctx, func() io.Reader { return afterHead(m.Reader()) }, params["boundary"], d)
		if err != nil { // the decryption was right nevertheless
			o.Signatures = []pgp.Signature{{Err: err}}
		}
	}
	return nil
}

func afterHead(r io.Reader) io.Reader {
	in := bufio.NewReader(r)
	h, err := readHead(in)
	if err != nil {
		return failed{err}
	}
	return io.MultiReader(bytes.NewReader(h.rest), in)
}

// openSigned keeps a multipart/signed, because the signature stands after what it signs.
func (o *Opened) openSigned(ctx context.Context, body io.Reader, boundary string, d pgp.Decrypter) error {
	maxSize := d.MaxSize
	if maxSize == 0 {
		maxSize = pgp.DefaultMaxSize
	}
	kept := spool.New(d.TempDir, maxSize)
	o.closers = append(o.closers, kept)
	if _, err := io.Copy(kept, body); errors.Is(err, spool.ErrTooLarge) {
		return pgp.ErrTooLarge
	} else if err != nil {
		return err
	}
	var err error
	o.entity, err = o.verify(ctx, kept.Reader, boundary, d)
	return err
}

// maxSignature bounds a part with signatures.
const maxSignature = 1 << 20

// verify reads the body of a multipart/signed twice (RFC 3156, section 5): for the signatures, and for what they sign, which comes back.
func (o *Opened) verify(ctx context.Context, body func() io.Reader, boundary string, d pgp.Decrypter) (content func() io.Reader, err error) {
	p := newPart(bufio.NewReader(body()), boundary)
	for range 2 { // passes over what is before the first part, and over the first part
		if more, err := p.next(); err != nil || !more {
			return nil, errors.Join(err, fmt.Errorf("%w: a multipart/signed without two parts", ErrMalformed))
		}
	}
	var data io.Reader
	if err := p.header("application/pgp-signature", &data); err != nil {
		return nil, err
	}
	signatures, err := io.ReadAll(io.LimitReader(data, maxSignature))
	if err != nil {
		return nil, err
	}
	if err := p.leave(); err != nil {
		return nil, err
	}
	content = func() io.Reader {
		first := newPart(bufio.NewReaderSize(body(), 32<<10), boundary)
		if _, err := first.next(); err != nil {
			return failed{err}
		}
		return first
	}
	o.Signatures, err = pgp.Verifier{Keys: d.Verify, Time: d.Time}.Detached(ctx, newCRLF(content()), signatures)
	return content, err
}

// enter goes on to the next part, which must be of the given type, and gives its data.
func (p *part) enter(media string, data *io.Reader) error {
	more, err := p.next()
	if err != nil {
		return err
	}
	if !more {
		return fmt.Errorf("%w: the part %s is missing", ErrMalformed, media)
	}
	return p.header(media, data)
}

func (p *part) header(media string, data *io.Reader) error {
	in := bufio.NewReader(p)
	h, err := readHead(in)
	if err != nil {
		return err
	}
	if got, _ := h.mediaType(); got != media {
		return fmt.Errorf("%w: a part is %q, not %s", ErrMixed, got, media)
	}
	if data != nil {
		*data, err = decoded(io.MultiReader(bytes.NewReader(h.rest), in), h.encoding())
	}
	return err
}

// leave makes sure that the part was the last.
func (p *part) leave() error {
	more, err := p.next()
	if err == nil && more {
		return fmt.Errorf("%w: there is a third part", ErrMixed)
	}
	return err
}

// findMixed tells a message with OpenPGP data somewhere in it from one without. It looks at the start only: the answer is for people.
func findMixed(in io.Reader) error {
	start, _ := io.ReadAll(io.LimitReader(in, 64<<10))
	for _, sign := range []string{"application/pgp-encrypted", "application/pgp-signature", "-----BEGIN PGP MESSAGE-----", "-----BEGIN PGP SIGNED MESSAGE-----"} {
		if bytes.Contains(start, []byte(sign)) {
			return ErrMixed
		}
	}
	return ErrNoPGP
}

// readProtection finds out how the header is protected: by the parameter hp of RFC 9788, section 2.1, or the one that came before.
func (o *Opened) readProtection() error {
	h, err := readHead(bufio.NewReader(o.entity()))
	if err != nil || o.Inline {
		return err
	}
	_, params := h.mediaType()
	hp, older := params["hp"], params["protected-headers"]
	switch {
	case isWrapped(h):
		hp = "clear"
	case hp == "" && older != "":
		o.Header = HeaderPartial
		return nil
	case hp != "clear" && hp != "cipher":
		return nil
	}
	o.Header = HeaderSigned
	if o.Encrypted {
		o.Header = HeaderEncrypted
	}
	return nil
}

// isWrapped reports whether the entity is a whole message in a wrapper: ours, or that of the form before RFC 9788.
func isWrapped(h *head) bool {
	media, params := h.mediaType()
	return media == "message/rfc822" && params["forwarded"] == "no" && params["hp"] == ""
}

// Close gives memory and temporary files back.
func (o *Opened) Close() error {
	var errs []error
	for _, c := range o.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Entity reads what was encrypted or signed as it is: a MIME entity.
func (o *Opened) Entity() io.Reader { return o.entity() }

// Message reads the message as it was before it was encrypted or signed: what [Encrypt] took comes back with the same octets. As far as the header was not
// protected, it is the one outside.
func (o *Opened) Message() io.Reader {
	in := bufio.NewReader(o.entity())
	h, err := readHead(in)
	switch {
	case err != nil:
		return failed{err}
	case isWrapped(h):
		return in
	case o.Header == HeaderSigned || o.Header == HeaderEncrypted:
		h = unprotect(h)
	default:
		h = merge(o.outer, h)
	}
	return io.MultiReader(bytes.NewReader(h.bytes()), in)
}

type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// merge puts before the header of an entity the fields outside that it does not have.
func merge(outer, h *head) *head {
	merged := &head{end: h.end, rest: h.rest}
	for _, f := range outer.fields {
		if _, inside := h.get(f.name); !inside && (f.name == "mime-version" || !structural(f.name)) {
			merged.fields = append(merged.fields, f)
		}
	}
	merged.fields = append(merged.fields, h.fields...)
	return merged
}
