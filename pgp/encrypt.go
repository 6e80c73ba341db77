package pgp

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Encrypter encrypts to keys and passwords. It may be used several times, and by several goroutines. The form of the message follows from the
// recipients: authenticated encryption (SEIPD version 2, RFC 9580, section 5.13.2) if each of their keys says that it can be read, else version 1.
// Nothing is compressed: what a message compresses to tells about it.
type Encrypter struct {
	To        []*Key   // who can read it
	Hidden    []*Key   // who can read it without being named in it: Bcc
	Passwords [][]byte // each opens it too
	Signers   []*Key   // private keys, not locked; signatures are inside
	Binary    bool     // no armor
	Time      time.Time
}

// Encrypt gives a writer that encrypts to dst. Only after its Close is the message whole; Close does not close dst. The error is a [KeyError] if a key
// is refused, [ErrLocked] if a signer is locked.
func (enc Encrypter) Encrypt(dst io.Writer) (w io.WriteCloser, err error) {
	defer guard(&err)
	config := keyConfig(enc.Time)
	// Signatures name the recipients, so that nobody passes them on in a message of his own; but those who are hidden could not verify them then.
	named := len(enc.Hidden) == 0
	config.CheckIntendedRecipients = &named
	params := &openpgp.EncryptParams{Passwords: enc.Passwords, Config: config}
	to, err := recipients(enc.To, enc.Time)
	if err != nil {
		return nil, err
	}
	hidden, err := recipients(enc.Hidden, enc.Time)
	if err != nil {
		return nil, err
	}
	if params.Signers, err = signers(enc.Signers, enc.Time); err != nil {
		return nil, err
	}
	out := armored(dst, openpgp.MessageType, enc.Binary, slices.Concat(enc.To, enc.Hidden)...)
	switch {
	case len(to)+len(hidden) > 0:
		w, err = openpgp.EncryptWithParams(out, to, hidden, params)
	case len(enc.Passwords) > 0:
		params.Passwords = enc.Passwords[1:]
		w, err = openpgp.SymmetricallyEncryptWithParams(enc.Passwords[0], out, params)
	default:
		return nil, fmt.Errorf("pgp: there is nobody to encrypt to")
	}
	if err != nil {
		return nil, fmt.Errorf("pgp: encrypting: %w", err)
	}
	return &layered{w, out}, nil
}

func recipients(keys []*Key, at time.Time) ([]*openpgp.Entity, error) {
	var entities []*openpgp.Entity
	for _, k := range keys {
		if err := k.CanEncrypt(at); err != nil {
			return nil, err
		}
		entities = append(entities, k.Public().entity())
	}
	return entities, nil
}

func signers(keys []*Key, at time.Time) ([]*openpgp.Entity, error) {
	var entities []*openpgp.Entity
	for _, k := range keys {
		e, err := k.signing(at)
		if err != nil {
			return nil, err
		}
		entities = append(entities, e)
	}
	return entities, nil
}

// Signer signs. It may be used several times, and by several goroutines.
type Signer struct {
	Keys   []*Key // private, not locked
	Text   bool   // sign the text, whatever its line ends are
	Binary bool   // no armor
	Time   time.Time
}

// Detached gives a writer for what is to be signed. Its Close writes the signatures to dst.
func (s Signer) Detached(dst io.Writer) (w io.WriteCloser, err error) {
	defer guard(&err)
	entities, err := signers(s.Keys, s.Time)
	if err != nil {
		return nil, err
	}
	if len(entities) == 0 {
		return nil, fmt.Errorf("pgp: there is nobody to sign")
	}
	out := armored(dst, openpgp.SignatureType, s.Binary, s.Keys...)
	w, err = openpgp.DetachSignWriter(out, entities, &openpgp.SignParams{TextSig: s.Text, Config: keyConfig(s.Time)})
	if err != nil {
		return nil, fmt.Errorf("pgp: signing: %w", err)
	}
	return &layered{w, out}, nil
}

// Message gives a writer for what is to be signed, and writes it with its signatures as one message to dst.
func (s Signer) Message(dst io.Writer) (w io.WriteCloser, err error) {
	defer guard(&err)
	entities, err := signers(s.Keys, s.Time)
	if err != nil {
		return nil, err
	}
	out := armored(dst, openpgp.MessageType, s.Binary, s.Keys...)
	w, err = openpgp.SignWithParams(out, entities, &openpgp.SignParams{TextSig: s.Text, Config: keyConfig(s.Time)})
	if err != nil {
		return nil, fmt.Errorf("pgp: signing: %w", err)
	}
	return &layered{w, out}, nil
}

func armored(dst io.Writer, label string, binary bool, keys ...*Key) io.WriteCloser {
	if binary {
		return unclosed{dst}
	}
	return &armorWriter{dst: dst, label: label, checksum: wantsChecksum(keys...)}
}

type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// layered closes the inner writer, then the outer.
type layered struct {
	io.WriteCloser
	outer io.Closer
}

func (l *layered) Close() error {
	if err := l.WriteCloser.Close(); err != nil {
		return err
	}
	return l.outer.Close()
}

// SignatureHash names the hash algorithm of the first of armored or binary signatures as the parameter micalg does: "pgp-sha512" (RFC 3156, section 5).
func SignatureHash(signatures []byte) (string, error) {
	in, _, err := dearmor(bytes.NewReader(signatures))
	if err != nil {
		return "", err
	}
	p, err := packet.NewReader(in).Next()
	if sig, ok := p.(*packet.Signature); err == nil && ok {
		if name, ok := micalg[sig.Hash.String()]; ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("%w: no signature", ErrMalformed)
}

var micalg = map[string]string{
	"SHA-1": "pgp-sha1", "SHA-224": "pgp-sha224", "SHA-256": "pgp-sha256", "SHA-384": "pgp-sha384", "SHA-512": "pgp-sha512",
	"SHA3-256": "pgp-sha3-256", "SHA3-512": "pgp-sha3-512",
}
