package pgp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Inspection is what an encrypted message tells to everybody.
type Inspection struct {
	KeyIDs        []string // to which it is encrypted, as the message says; not those who are hidden
	Hidden        int      // how many are
	Passwords     int      // that open it
	Authenticated bool     // encrypted in chunks that are authentic each (AEAD)

	ids []uint64
}

// For reports whether the message says that a part of the key opens it that is meant for that.
func (i Inspection) For(k *Key) bool {
	for _, key := range k.entity().DecryptionKeys(0, time.Time{}, readConfig(time.Time{})) {
		if slices.Contains(i.ids, key.PublicKey.KeyId) {
			return true
		}
	}
	return false
}

// Inspect reads an encrypted message, armored or binary, to its end, without opening it. No error means that it has the form of an encrypted message and that
// nothing else is there; whether it can be opened is not known.
func Inspect(ctx context.Context, src io.Reader) (i Inspection, err error) {
	defer guard(&err)
	in, armor, err := openArmor(source{ctx, src})
	if err != nil {
		return Inspection{}, unmark(err)
	}
	e, err := readEnvelope(in)
	if err != nil {
		return Inspection{}, unmark(err)
	}
	if _, err = io.Copy(io.Discard, e.contents); err == nil {
		_, err = in.ReadByte()
	}
	switch {
	case err == nil:
		return Inspection{}, fmt.Errorf("%w: something follows the encrypted data", ErrMalformed)
	case !errors.Is(err, io.EOF):
		return Inspection{}, unmark(classify(err, ErrMalformed))
	}
	if err := armor.alone(); err != nil {
		return Inspection{}, unmark(err)
	}
	i.Passwords, i.Authenticated = len(e.passwords), e.authenticated
	for _, key := range e.keys {
		if key.KeyId == 0 {
			i.Hidden++
			continue
		}
		i.ids = append(i.ids, key.KeyId)
		i.KeyIDs = append(i.KeyIDs, fmt.Sprintf("%016X", key.KeyId))
	}
	return i, nil
}
