package pgp

import (
	"errors"
	"fmt"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"

	"github.com/mailhavn/mailhavn/pgp/internal/spool"
)

// What is wrong with a message. Errors of this package wrap one of these, an error of reading or writing, or are a [KeyError].
var (
	// ErrNotEncrypted says that there is nothing to decrypt.
	ErrNotEncrypted = errors.New("pgp: the message is not encrypted")

	// ErrNotSigned says that there is no signature to verify.
	ErrNotSigned = errors.New("pgp: the message is not signed")

	// ErrNoKey says that none of the keys, passwords and session keys opens the message.
	ErrNoKey = errors.New("pgp: none of the keys opens the message")

	// ErrLocked says that a private key is needed whose passphrase was not given, see [Key.Unlock].
	ErrLocked = errors.New("pgp: the private key is locked by a passphrase")

	// ErrUnprotected says that the encryption has no protection against changes: Symmetrically Encrypted Data packets (RFC 9580, section 5.7), which
	// are refused whatever key there is.
	ErrUnprotected = errors.New("pgp: the encryption has no integrity protection")

	// ErrIntegrity says that the message was changed or cut after it was encrypted, or that it was never whole. Which of them, and where, is not
	// told: the difference could serve to decrypt it (RFC 9580, section 13.7).
	ErrIntegrity = errors.New("pgp: the encrypted message was damaged or changed")

	// ErrTooLarge says that the message is larger than allowed, or larger than what its compressed form makes plausible.
	ErrTooLarge = errors.New("pgp: the message is too large")

	// ErrTooMany says that there are more recipients, signatures, layers or keys than any real message has.
	ErrTooMany = errors.New("pgp: too many packets")

	// ErrMalformed says that the bytes are no OpenPGP message, or that they break its grammar (RFC 9580, section 10.3).
	ErrMalformed = errors.New("pgp: malformed OpenPGP data")

	// ErrUnsupported says that the message is right, but of a kind that is not implemented.
	ErrUnsupported = errors.New("pgp: unsupported kind of OpenPGP data")
)

// classify gives an error of go-crypto its place among the errors of this package. fallback is for what has no other.
func classify(err, fallback error) error {
	var unsupported pgperrors.UnsupportedError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgperrors.ErrMessageTooLarge), errors.Is(err, spool.ErrTooLarge):
		return ErrTooLarge
	case isOurs(err):
		return err
	case errors.As(err, &unsupported):
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return fmt.Errorf("%w: %w", fallback, err)
}

func isOurs(err error) bool {
	for _, ours := range []error{ErrNotEncrypted, ErrNotSigned, ErrNoKey, ErrLocked, ErrUnprotected, ErrIntegrity, ErrTooLarge, ErrTooMany, ErrMalformed, ErrUnsupported} {
		if errors.Is(err, ours) {
			return true
		}
	}
	var key *KeyError
	return errors.As(err, &key)
}

// sourceError marks an error of the caller's reader, so that it is not taken for one of the message.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// guard turns a panic of a parser into ErrMalformed: go-crypto had some, and a mail must not end a server.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", ErrMalformed, p)
	}
}
