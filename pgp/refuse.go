package pgp

import (
	"crypto"
	"errors"
	"fmt"
	"time"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Reason says why a key is refused.
type Reason int

// The reasons. Unusable is for what has no reason of its own.
const (
	Unusable     Reason = iota
	Expired             // it, or its part for this purpose, has expired
	NotYetValid         // it was made later than now, by its clock or by ours
	Revoked             // its owner has withdrawn it, or its part for this purpose
	Weak                // RSA below 2048 bits, DSA, ElGamal, or bound by SHA-1 or MD5 only
	WrongPurpose        // no part of it is meant for this: encryption, signatures
	Poisoned            // it is flooded with signatures
	NoAddress           // it does not say that it is of the address
	NotPrivate          // the private part is missing
	Changed             // it is not the key that was pinned
)

var reasonTexts = map[Reason]string{
	Unusable: "cannot be used", Expired: "has expired", NotYetValid: "is not valid yet", Revoked: "was revoked", Weak: "is too weak",
	WrongPurpose: "is not meant for this", Poisoned: "is flooded with signatures", NoAddress: "is not of this address",
	NotPrivate: "has no private part", Changed: "is not the one that was pinned",
}

// String says it for people, after "the key".
func (r Reason) String() string { return reasonTexts[r] }

// KeyError says which key is refused, and why.
type KeyError struct {
	Fingerprint string // "" if the key could not be read that far
	Reason      Reason
	Detail      string // for people; may be empty
}

// Error implements error.
func (e *KeyError) Error() string {
	text := "pgp: the key " + e.Fingerprint + " " + e.Reason.String()
	if e.Detail != "" {
		text += " (" + e.Detail + ")"
	}
	return text
}

// minRSABits is the least that keys for new messages have (BSI TR-02102 and NIST SP 800-57 both end lower ones).
const minRSABits = 2048

// keyConfig is how keys are judged for new messages at a time; zero is now. SHA-1 does not bind anything (RFC 9580, section 9.5).
func keyConfig(at time.Time) *packet.Config {
	config := readConfig(at)
	config.InsecureAllowAllKeyFlagsWhenMissing = false
	config.MinRSABits = minRSABits
	config.RejectHashAlgorithms = map[crypto.Hash]bool{crypto.MD5: true, crypto.RIPEMD160: true, crypto.SHA1: true}
	config.RejectPublicKeyAlgorithms = map[packet.PublicKeyAlgorithm]bool{packet.PubKeyAlgoDSA: true, packet.PubKeyAlgoElGamal: true}
	return config
}

// readConfig is how old messages are read: keys are judged mildly, messages are not.
func readConfig(at time.Time) *packet.Config {
	if at.IsZero() {
		at = time.Now()
	}
	no := false
	return &packet.Config{
		InsecureAllowAllKeyFlagsWhenMissing: true, // old keys have none, and are meant for everything

		Time:                    func() time.Time { return at },
		DefaultHash:             crypto.SHA512,
		DefaultCipher:           packet.CipherAES256,
		CheckIntendedRecipients: &no, // messages come apart here before their signatures are looked at: see signatures.go
	}
}

// CanEncrypt tells whether new messages may be encrypted to the key at the time (zero is now). The error is a [KeyError].
func (k *Key) CanEncrypt(at time.Time) error {
	config := keyConfig(at)
	chosen, err := k.entity().EncryptionKeyWithError(config.Now(), config)
	if err == nil {
		err = weakness(chosen.PublicKey)
	}
	return k.refusal(err, config.Now())
}

// CanSign tells whether new messages may be signed with the key at the time (zero is now). The error is a [KeyError] or [ErrLocked].
func (k *Key) CanSign(at time.Time) error {
	_, err := k.signing(at)
	return err
}

// signing gives the entity to sign with.
func (k *Key) signing(at time.Time) (*openpgp.Entity, error) {
	config := keyConfig(at)
	e := k.entity()
	if _, err := e.VerifyPrimaryKey(config.Now(), config); err != nil {
		return nil, k.refusal(err, config.Now())
	}
	key, ok := e.SigningKey(config.Now(), config)
	switch {
	case !ok:
		return nil, &KeyError{k.fingerprint, WrongPurpose, "no valid key for signatures"}
	case key.PrivateKey == nil || key.PrivateKey.Dummy():
		return nil, &KeyError{k.fingerprint, NotPrivate, ""}
	case key.PrivateKey.Encrypted:
		return nil, fmt.Errorf("%w: %s", ErrLocked, k.fingerprint)
	}
	if err := weakness(key.PublicKey); err != nil {
		return nil, k.refusal(err, config.Now())
	}
	return e, nil
}

// weakness covers what go-crypto does not look at.
func weakness(pk *packet.PublicKey) error {
	switch pk.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSAEncryptOnly, packet.PubKeyAlgoRSASignOnly:
		if bits, err := pk.BitLength(); err != nil || bits < minRSABits {
			return pgperrors.WeakAlgorithmError(fmt.Sprintf("RSA with %d bits", bits))
		}
	}
	return nil
}

// refusal makes a KeyError of what go-crypto says about a key.
func (k *Key) refusal(err error, now time.Time) error {
	if err == nil {
		return nil
	}
	cause := err
	var selection pgperrors.ErrEncryptionKeySelection
	var subkey *pgperrors.ErrEncryptionKeySelection
	if errors.As(err, &subkey) {
		selection = *subkey
	} else if !errors.As(err, &selection) {
		selection.PrimaryKeyErr = err
	}
	if cause = selection.PrimaryKeyErr; cause == nil {
		cause = selection.EncSelectionErr
	}
	var weak pgperrors.WeakAlgorithmError
	reason := Unusable
	switch {
	case k.created.After(now):
		reason = NotYetValid
	case errors.Is(cause, pgperrors.ErrKeyExpired), errors.Is(cause, pgperrors.ErrSignatureExpired):
		reason = Expired
	case errors.Is(cause, pgperrors.ErrKeyRevoked):
		reason = Revoked
	case errors.As(cause, &weak):
		reason = Weak
	case k.boundWeakly(now):
		reason = Weak
	case selection.PrimaryKeyErr == nil && selection.EncSelectionKeyId == nil:
		reason = WrongPurpose
	}
	return &KeyError{k.fingerprint, reason, cause.Error()}
}

// boundWeakly reports whether the key would do if SHA-1 and MD5 did.
func (k *Key) boundWeakly(now time.Time) bool {
	config := keyConfig(now)
	config.RejectHashAlgorithms = map[crypto.Hash]bool{}
	_, err := k.entity().EncryptionKeyWithError(now, config)
	return err == nil
}
