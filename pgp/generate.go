package pgp

import (
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Profile says what a new key consists of.
type Profile int

// The profiles. Every program in the interop tests reads keys of Compatible and what is encrypted to them. See the table in the package's documentation
// for the others.
const (
	Compatible  Profile = iota // version 4, Ed25519 and Curve25519 as GnuPG names them
	RSA4096                    // version 4, RSA with 4096 bits
	Modern                     // version 6, Ed25519 and X25519, authenticated encryption (RFC 9580)
	PostQuantum                // version 6, ML-DSA-65+Ed25519 and ML-KEM-768+X25519 (RFC 9980)
)

// NewKey says which key to make. The zero value makes a key of nobody, which only profiles of version 6 allow.
type NewKey struct {
	Name, Email string
	Profile     Profile
	Lifetime    time.Duration // 0 means for ever
	Created     time.Time     // zero is now
	Passphrase  []byte        // locks the key, unless empty
}

// Generate makes a private key.
func Generate(n NewKey) (*Key, error) {
	if strings.ContainsAny(n.Name+n.Email, "<>()\x00\r\n") || n.Email != "" && emailOf(n.Email) == "" {
		return nil, fmt.Errorf("pgp: %q <%s> cannot be the name and address of a key", n.Name, n.Email)
	}
	config, err := n.config()
	if err != nil {
		return nil, err
	}
	e, err := newEntity(n, config)
	if err != nil {
		return nil, fmt.Errorf("pgp: a key cannot be made: %w", err)
	}
	if len(n.Passphrase) > 0 {
		if err := lock(e, n.Passphrase, config); err != nil {
			return nil, err
		}
	}
	return newKey(e)
}

func newEntity(n NewKey, config *packet.Config) (*openpgp.Entity, error) {
	if n.Name == "" && n.Email == "" {
		return openpgp.NewEntityWithoutId(config)
	}
	return openpgp.NewEntity(n.Name, "", n.Email, config)
}

func (n NewKey) config() (*packet.Config, error) {
	config := readConfig(n.Created)
	seconds := n.Lifetime / time.Second
	if seconds < 0 || seconds >= 1<<32 {
		return nil, fmt.Errorf("pgp: a key cannot live for %v", n.Lifetime)
	}
	config.KeyLifetimeSecs = uint32(seconds)
	switch n.Profile {
	case RSA4096:
		config.Algorithm, config.RSABits = packet.PubKeyAlgoRSA, 4096
	case Modern:
		config.Algorithm, config.V6Keys = packet.PubKeyAlgoEd25519, true
		config.AEADConfig = &packet.AEADConfig{DefaultMode: packet.AEADModeOCB}
	case PostQuantum:
		config.Algorithm, config.V6Keys = packet.PubKeyAlgoMldsa65Ed25519, true
		config.AEADConfig = &packet.AEADConfig{DefaultMode: packet.AEADModeOCB}
	case Compatible:
		config.Algorithm, config.Curve = packet.PubKeyAlgoEdDSA, packet.Curve25519
	default:
		return nil, fmt.Errorf("pgp: there is no profile %d", n.Profile)
	}
	return config, nil
}

// lock encrypts private key material: by Argon2 and AEAD in keys of version 6 (RFC 9580, section 3.7.2.1), by what older programs read in others.
func lock(e *openpgp.Entity, passphrase []byte, config *packet.Config) error {
	config.S2KConfig = &s2k.Config{S2KMode: s2k.IteratedSaltedS2K, Hash: config.DefaultHash, S2KCount: 65011712}
	if e.PrimaryKey.Version >= 6 {
		config.S2KConfig = &s2k.Config{S2KMode: s2k.Argon2S2K, Argon2Config: &s2k.Argon2Config{}}
		config.AEADConfig = &packet.AEADConfig{DefaultMode: packet.AEADModeOCB}
	} else {
		config.AEADConfig = nil
	}
	if err := e.EncryptPrivateKeys(passphrase, config); err != nil {
		return fmt.Errorf("pgp: the key cannot be locked: %w", err)
	}
	return nil
}

// Lock gives the key with its private part locked by a passphrase. It must not be locked.
func (k *Key) Lock(passphrase []byte) (*Key, error) {
	switch {
	case !k.private:
		return nil, &KeyError{k.fingerprint, NotPrivate, ""}
	case k.locked:
		return nil, fmt.Errorf("%w: %s", ErrLocked, k.fingerprint)
	case len(passphrase) == 0:
		return nil, fmt.Errorf("pgp: an empty passphrase locks nothing")
	}
	e := k.entity()
	if err := lock(e, passphrase, readConfig(time.Time{})); err != nil {
		return nil, err
	}
	return newKey(e)
}

// Unlock gives the key with its private part in clear. Changing the passphrase is Unlock and then Lock. A wrong passphrase is ErrLocked.
func (k *Key) Unlock(passphrase []byte) (*Key, error) {
	if !k.private {
		return nil, &KeyError{k.fingerprint, NotPrivate, ""}
	}
	e := k.entity()
	if err := e.DecryptPrivateKeys(passphrase); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrLocked, k.fingerprint, err)
	}
	return newKey(e)
}
