package pgp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/mailhavn/mailhavn/pgp/internal/spool"
)

// Message is what was in an OpenPGP message. It is kept in memory or in an encrypted temporary file until Close. It is for one goroutine at a time.
type Message struct {
	Signatures    []Signature // all that are there, good and bad
	DecryptedBy   *Key        // nil if no private key was needed
	SessionKey    SessionKey  // of an encrypted message
	Authenticated bool        // encrypted in chunks that are authentic each (AEAD), not by SEIPD version 1

	packets *spool.Spool // what was encrypted, proved to be whole
	limit   int64
	size    int64
}

// Size is how many bytes the contents have.
func (m *Message) Size() int64 { return m.size }

// Reader reads the contents from their start.
func (m *Message) Reader() io.Reader {
	l, err := descend(m.packets.Reader(), m.limit)
	if err != nil {
		return failed{err}
	}
	return l.literal.Body
}

// Close gives memory and temporary file back.
func (m *Message) Close() error { return m.packets.Close() }

type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// Bounds of what stands in a message beside its contents.
const (
	maxMessageSignatures = 16
	maxLayers            = 2        // of compression; nobody needs more than one
	maxRatio             = 100      // of compressed data; text has 3 to 10, and
	freeSize             = 16 << 20 // up to this any ratio is fine
)

// readMessage looks through packets that are proved to be whole, and verifies their signatures. It keeps the spool if there is no error.
// recipient is the fingerprint of the key that opened it, nil if none was needed.
func readMessage(ctx context.Context, packets *spool.Spool, keys []*Key, recipient []byte, maxSize int64, at time.Time) (*Message, error) {
	m := &Message{packets: packets, limit: min(maxSize, max(freeSize, maxRatio*packets.Size()))}
	l, err := descend(packets.Reader(), m.limit)
	if err != nil {
		return nil, err
	}
	if m.size, err = io.Copy(io.Discard, source{ctx, l.literal.Body}); err != nil {
		return nil, messageError(err)
	}
	if m.size > maxSize {
		return nil, ErrTooLarge
	}
	if err := l.finish(); err != nil {
		return nil, err
	}
	switch {
	case len(l.signatures) > 0:
		m.Signatures, err = verify(source{ctx, m.Reader()}, l.signatures, keys, recipient, at)
	case l.announced > 0:
		m.Signatures = []Signature{{Err: fmt.Errorf("%w: a signature of an unknown kind", ErrUnsupported)}}
	}
	return m, err
}

func messageError(err error) error {
	var outside *sourceError
	if errors.As(err, &outside) && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return outside.err
	}
	return classify(err, ErrMalformed)
}

// layout is how a message is built: [compressed] [signatures or announcements of them] literal data [signatures] (RFC 9580, section 10.3).
type layout struct {
	packets    *packet.Reader
	announced  int // one-pass signatures
	signatures []*packet.Signature
	literal    *packet.LiteralData
}

// descend goes to the contents. What is compressed may have limit bytes.
func descend(r io.Reader, limit int64) (*layout, error) {
	l := &layout{packets: packet.NewReader(r)}
	for layers := 0; ; {
		p, err := l.packets.Next()
		if err != nil {
			return nil, messageError(noEOF(err))
		}
		switch p := p.(type) {
		case *packet.Compressed:
			if layers++; layers > maxLayers || l.announced > 0 || len(l.signatures) > 0 {
				return nil, fmt.Errorf("%w: layers of compression", ErrTooMany)
			}
			left := limit
			if err := l.packets.Push(p.LimitedBodyReader(&left)); err != nil {
				return nil, messageError(err)
			}
		case *packet.OnePassSignature:
			l.announced++
		case *packet.Signature:
			l.signatures = append(l.signatures, p)
		case *packet.LiteralData:
			l.literal = p
			return l, nil
		case packet.Padding, *packet.Marker:
		default:
			return nil, fmt.Errorf("%w: a %T in a message", ErrMalformed, p)
		}
		if l.announced+len(l.signatures) > maxMessageSignatures {
			return nil, fmt.Errorf("%w: more than %d signatures", ErrTooMany, maxMessageSignatures)
		}
	}
}

// finish reads what follows the contents.
func (l *layout) finish() error {
	for following := 0; ; {
		p, err := l.packets.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return messageError(err)
		}
		switch p := p.(type) {
		case *packet.Signature:
			if following++; following > l.announced {
				return fmt.Errorf("%w: a signature that was not announced", ErrMalformed)
			}
			l.signatures = append(l.signatures, p)
		case packet.Padding, *packet.Marker:
		default:
			return fmt.Errorf("%w: a %T after the contents", ErrMalformed, p)
		}
	}
}

// readSignatures reads signatures, armored or binary.
func readSignatures(r io.Reader) ([]*packet.Signature, error) {
	in, _, err := dearmor(r)
	if err != nil {
		return nil, err
	}
	var signatures []*packet.Signature
	for count := 0; ; count++ {
		h, err := readHeader(in)
		if errors.Is(err, io.EOF) && !errors.Is(err, ErrMalformed) {
			break
		} else if err != nil {
			return nil, classify(err, ErrMalformed)
		}
		body, err := readBody(in, h)
		if err != nil {
			return nil, err
		}
		if count == maxMessageSignatures {
			return nil, fmt.Errorf("%w: more than %d signatures", ErrTooMany, maxMessageSignatures)
		}
		p, err := packet.Read(bytes.NewReader(appendPacket(nil, h.tag, body)))
		if sig, ok := p.(*packet.Signature); ok && err == nil {
			signatures = append(signatures, sig)
		}
	}
	return signatures, nil
}
