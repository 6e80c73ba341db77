package pgp

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/mailhavn/mailhavn/pgp/internal/spool"
)

// What is wrong with a signature. [Signature.Err] wraps one of these, [ErrUnsupported], or is a [KeyError].
var (
	// ErrUnknownSigner says that the key that signed is not among those given.
	ErrUnknownSigner = errors.New("pgp: signed by an unknown key")

	// ErrBadSignature says that the signature does not fit: the text, the key, or an algorithm that counts no more.
	ErrBadSignature = errors.New("pgp: the signature is wrong")
)

// Signature is one signature on a message.
type Signature struct {
	Err      error     // nil if the signature is good
	Key      *Key      // whose it is; nil if it is not among the keys given
	KeyID    string    // of the key, or the part of it, that signed, as the signature says: 16 hexadecimal digits
	Created  time.Time // as the signature says
	Text     bool      // the signature is of a text, whatever its line ends are (RFC 9580, section 5.2.1.2)
	SignedBy string    // fingerprint of the key, or the part of it, that signed; empty unless the signature is good
}

// Verifier verifies signatures. It may be used several times, and by several goroutines.
type Verifier struct {
	Keys    []*Key    // who may have signed
	MaxSize int64     // of a message; 0 means DefaultMaxSize
	TempDir string    // for encrypted temporary files; "" is the system's
	Time    time.Time // at which signatures are judged; zero is now
}

// Detached verifies signatures, armored or binary, that are apart from what they sign, which is read from data to its end.
// Bad signatures are no error.
func (v Verifier) Detached(ctx context.Context, data io.Reader, signatures []byte) (found []Signature, err error) {
	defer guard(&err)
	packets, err := readSignatures(bytes.NewReader(signatures))
	if err != nil {
		return nil, err
	}
	if len(packets) == 0 {
		return nil, ErrNotSigned
	}
	found, err = verify(source{ctx, data}, packets, v.Keys, nil, v.Time)
	var outside *sourceError
	if errors.As(err, &outside) {
		return nil, outside.err
	}
	return found, err
}

// Message reads a message that is signed but not encrypted: an OpenPGP message, or a text with a cleartext signature (RFC 9580, section 7).
// Nothing leaves before all is verified; but bad signatures are no error. The caller closes the Message.
func (v Verifier) Message(ctx context.Context, src io.Reader) (m *Message, err error) {
	defer guard(&err)
	maxSize := v.MaxSize
	if maxSize == 0 {
		maxSize = DefaultMaxSize
	}
	raw := spool.New(v.TempDir, maxSize+maxPacket)
	defer func() {
		if err != nil {
			raw.Close()
		}
	}()
	if _, err := io.Copy(raw, source{ctx, src}); err != nil {
		return nil, unmark(classify(err, ErrMalformed))
	}
	in, label, err := dearmor(raw.Reader())
	if err != nil {
		return nil, err
	}
	if label == "PGP SIGNED MESSAGE" {
		defer raw.Close()
		return v.cleartext(ctx, raw)
	}
	packets := spool.New(v.TempDir, maxSize+maxPacket)
	defer raw.Close()
	if _, err = io.Copy(packets, in); err == nil {
		m, err = readMessage(ctx, packets, v.Keys, nil, maxSize, v.Time)
	}
	if err == nil && m.Signatures == nil {
		err = ErrNotSigned
	}
	if err != nil {
		packets.Close()
		return nil, classify(err, ErrMalformed)
	}
	return m, nil
}

func unmark(err error) error {
	var outside *sourceError
	if errors.As(err, &outside) {
		return outside.err
	}
	return err
}

// maxCleartext bounds texts with cleartext signatures, which are taken into memory.
const maxCleartext = 16 << 20

func (v Verifier) cleartext(ctx context.Context, raw *spool.Spool) (*Message, error) {
	if raw.Size() > maxCleartext {
		return nil, ErrTooLarge
	}
	text, err := io.ReadAll(raw.Reader())
	if err != nil {
		return nil, err
	}
	block, _ := clearsign.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%w: a cleartext signature", ErrMalformed)
	}
	signatures, err := readSignatures(block.ArmoredSignature.Body)
	if err != nil {
		return nil, err
	}
	if len(signatures) == 0 {
		return nil, ErrNotSigned
	}
	m := &Message{packets: spool.New(v.TempDir, maxCleartext+64), limit: maxCleartext, size: int64(len(block.Plaintext))}
	if _, err := m.packets.Write(literal(block.Plaintext)); err != nil {
		return nil, err
	}
	m.Signatures, err = verify(source{ctx, bytes.NewReader(block.Bytes)}, signatures, v.Keys, nil, v.Time)
	return m, err
}

// literal makes a literal data packet (RFC 9580, section 5.9).
func literal(text []byte) []byte {
	return appendPacket(nil, tagLiteral, append([]byte{'b', 0, 0, 0, 0, 0}, text...))
}

// verify checks signatures on data, which it reads to its end. An error is one of reading.
func verify(data io.Reader, signatures []*packet.Signature, keys []*Key, recipient []byte, at time.Time) ([]Signature, error) {
	var raw bytes.Buffer
	for _, sig := range signatures {
		if sig.IssuerKeyId == nil {
			continue // nobody can tell whose it is; it appears as missing
		}
		if err := sig.Serialize(&raw); err != nil {
			return nil, classify(err, ErrMalformed)
		}
	}
	if raw.Len() == 0 {
		return []Signature{{Err: ErrUnknownSigner}}, nil
	}
	details, err := openpgp.VerifyDetachedSignatureReader(newRing(keys), data, &raw, readConfig(at))
	if err != nil {
		return nil, classify(err, ErrMalformed)
	}
	if _, err := io.Copy(io.Discard, details.UnverifiedBody); err != nil {
		return nil, err
	}
	var found []Signature
	for _, candidate := range details.SignatureCandidates {
		found = append(found, judge(candidate, keys, recipient))
	}
	return found, nil
}

func judge(c *openpgp.SignatureCandidate, keys []*Key, recipient []byte) Signature {
	sig := Signature{KeyID: fmt.Sprintf("%016X", c.IssuerKeyId), Created: c.CorrespondingSig.CreationTime, Text: c.SigType == packet.SigTypeText}
	if c.SignedByEntity != nil {
		fingerprint := strings.ToUpper(hex.EncodeToString(c.SignedByEntity.PrimaryKey.Fingerprint))
		if i := slices.IndexFunc(keys, func(k *Key) bool { return k.fingerprint == fingerprint }); i >= 0 {
			sig.Key = keys[i]
		}
	}
	sig.Err = signatureError(c, sig.Key)
	if sig.Err == nil && recipient != nil && !meantFor(c.CorrespondingSig, recipient) {
		sig.Err = fmt.Errorf("%w: it was made for other recipients", ErrBadSignature)
	}
	if sig.Err == nil {
		sig.SignedBy = strings.ToUpper(hex.EncodeToString(c.SignedBy.PublicKey.Fingerprint))
	}
	return sig
}

// meantFor reports whether a signature may stand in a message that was encrypted to the key (RFC 9580, section 5.2.3.36).
func meantFor(sig *packet.Signature, recipient []byte) bool {
	return len(sig.IntendedRecipients) == 0 || slices.ContainsFunc(sig.IntendedRecipients, func(r *packet.Recipient) bool {
		return bytes.Equal(r.Fingerprint, recipient)
	})
}

func signatureError(c *openpgp.SignatureCandidate, key *Key) error {
	err := c.SignatureError
	switch {
	case err == nil && c.SignedBy != nil:
		return nil
	case err == nil || errors.Is(err, pgperrors.ErrUnknownIssuer) || key == nil:
		return ErrUnknownSigner
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return &KeyError{key.fingerprint, Expired, "when it signed"}
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return &KeyError{key.fingerprint, Revoked, ""}
	}
	var weak pgperrors.WeakAlgorithmError
	if errors.As(err, &weak) {
		return &KeyError{key.fingerprint, Weak, err.Error()}
	}
	return fmt.Errorf("%w: %w", ErrBadSignature, err)
}
