package pgp

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Merge gives the key with everything that another copy of it knows: renewals, revocations, user IDs, subkeys, and private parts if one has them.
// It is how news about a key are taken in; nothing is lost.
func (k *Key) Merge(other *Key) (*Key, error) {
	if k.fingerprint != other.fingerprint {
		return nil, fmt.Errorf("pgp: %s and %s are different keys", k.fingerprint, other.fingerprint)
	}
	a, b := k.entity(), other.entity()
	if a.PrivateKey == nil {
		a.PrivateKey = b.PrivateKey
	}
	a.Revocations = union(a.Revocations, b.Revocations)
	a.DirectSignatures = union(a.DirectSignatures, b.DirectSignatures)
	for name, theirs := range b.Identities {
		ours, ok := a.Identities[name]
		if !ok {
			a.Identities[name] = theirs
			continue
		}
		ours.Revocations = union(ours.Revocations, theirs.Revocations)
		ours.SelfCertifications = union(ours.SelfCertifications, theirs.SelfCertifications)
		ours.OtherCertifications = union(ours.OtherCertifications, theirs.OtherCertifications)
	}
	for _, theirs := range b.Subkeys {
		i := slices.IndexFunc(a.Subkeys, func(s openpgp.Subkey) bool { return bytes.Equal(s.PublicKey.Fingerprint, theirs.PublicKey.Fingerprint) })
		if i < 0 {
			a.Subkeys = append(a.Subkeys, theirs)
			continue
		}
		ours := &a.Subkeys[i]
		if ours.PrivateKey == nil {
			ours.PrivateKey = theirs.PrivateKey
		}
		ours.Revocations = union(ours.Revocations, theirs.Revocations)
		ours.Bindings = union(ours.Bindings, theirs.Bindings)
	}
	merged, err := newKey(a)
	if err == nil && len(merged.raw) > maxKeyData {
		err = &KeyError{k.fingerprint, Poisoned, fmt.Sprintf("%d bytes when merged", len(merged.raw))}
	}
	return merged, err
}

// union is the signatures of both, each once.
func union(a, b []*packet.VerifiableSignature) []*packet.VerifiableSignature {
	seen := map[string]bool{}
	var all []*packet.VerifiableSignature
	for _, sig := range slices.Concat(a, b) {
		var raw bytes.Buffer
		if sig.Packet.Serialize(&raw) == nil && !seen[raw.String()] {
			seen[raw.String()] = true
			all = append(all, sig)
		}
	}
	return all
}

// ForAddress gives the certificate with nothing but what is needed to write to the address: user IDs with it, the newest signatures of the key itself, revocations.
// This is the form for key directories and for headers. If the key is not of the address the error is a [KeyError] with reason [NoAddress].
func (k *Key) ForAddress(email string, at time.Time) (*Key, error) {
	config := keyConfig(at)
	e := k.Public().entity()
	maps.DeleteFunc(e.Identities, func(name string, identity *openpgp.Identity) bool {
		sig, err := identity.Verify(config.Now(), config)
		if err != nil || emailOf(name) != emailOf(email) || emailOf(email) == "" {
			return true
		}
		identity.SelfCertifications = []*packet.VerifiableSignature{packet.NewVerifiableSig(sig)}
		identity.OtherCertifications, identity.Revocations = nil, nil
		return false
	})
	if len(e.Identities) == 0 {
		return nil, &KeyError{k.fingerprint, NoAddress, email}
	}
	if sig, err := e.LatestValidDirectSignature(config.Now(), config); err == nil {
		e.DirectSignatures = []*packet.VerifiableSignature{packet.NewVerifiableSig(sig)}
	}
	e.Subkeys = slices.DeleteFunc(e.Subkeys, func(s openpgp.Subkey) bool {
		_, err := s.Verify(config.Now(), config)
		return err != nil
	})
	for i := range e.Subkeys {
		if sig, err := e.Subkeys[i].LatestValidBindingSignature(config.Now(), config); err == nil {
			e.Subkeys[i].Bindings = []*packet.VerifiableSignature{packet.NewVerifiableSig(sig)}
		}
	}
	return newKey(e)
}

// Renew gives the key with another end: it, and those of its parts that had an end, expire then; the zero time means never. It must be private and not
// locked. An expired key can be renewed, a revoked one cannot.
func (k *Key) Renew(expires, at time.Time) (*Key, error) {
	e, config, err := k.certifying(at)
	if err != nil {
		return nil, err
	}
	if e.Revoked(config.Now()) {
		return nil, &KeyError{k.fingerprint, Revoked, ""}
	}
	lifetime := func(created time.Time) *uint32 {
		var seconds uint32
		if !expires.IsZero() {
			seconds = uint32(expires.Sub(created) / time.Second)
		}
		return &seconds
	}
	if !expires.IsZero() && !expires.After(config.Now()) {
		return nil, fmt.Errorf("pgp: a key cannot be renewed until %v, which is past", expires)
	}
	again := func(sig *packet.Signature, created time.Time) *packet.Signature {
		renewed := *sig
		renewed.CreationTime, renewed.KeyLifetimeSecs, renewed.Hash = config.Now(), lifetime(created), config.DefaultHash
		return &renewed
	}
	primary := e.PrimaryKey
	if sig, err := e.LatestValidDirectSignature(config.Now(), config); err == nil {
		renewed := again(sig, primary.CreationTime)
		if err := renewed.SignDirectKeyBinding(primary, e.PrivateKey, config); err != nil {
			return nil, fmt.Errorf("pgp: renewing: %w", err)
		}
		e.DirectSignatures = append(e.DirectSignatures, packet.NewVerifiableSig(renewed))
	}
	for name, identity := range e.Identities {
		sig, err := identity.Verify(config.Now(), config)
		if err != nil || primary.Version >= 6 { // where the direct signature says it
			continue
		}
		renewed := again(sig, primary.CreationTime)
		if err := renewed.SignUserId(name, primary, e.PrivateKey, config); err != nil {
			return nil, fmt.Errorf("pgp: renewing %q: %w", name, err)
		}
		identity.SelfCertifications = append(identity.SelfCertifications, packet.NewVerifiableSig(renewed))
	}
	for i := range e.Subkeys {
		sub := &e.Subkeys[i]
		sig, err := sub.LatestValidBindingSignature(config.Now(), config)
		if err != nil || sub.Revoked(sig, config.Now()) || sig.KeyLifetimeSecs == nil || *sig.KeyLifetimeSecs == 0 {
			continue
		}
		renewed := again(sig, sub.PublicKey.CreationTime)
		if err := renewed.SignKey(sub.PublicKey, e.PrivateKey, config); err != nil {
			return nil, fmt.Errorf("pgp: renewing a subkey: %w", err)
		}
		sub.Bindings = append(sub.Bindings, packet.NewVerifiableSig(renewed))
	}
	return newKey(e)
}

// RevocationReason says why a key is revoked (RFC 9580, section 5.2.3.31).
type RevocationReason byte

// The reasons. A key that was superseded or retired was good until then; one that is revoked for another reason never was, as far as anybody can tell.
const (
	RevokedForNoReason RevocationReason = 0
	RevokedSuperseded  RevocationReason = 1
	RevokedCompromised RevocationReason = 2
	RevokedRetired     RevocationReason = 3
)

// Revoke gives the key with its revocation. It must be private and not locked. What tells others is its [Key.Public]; made in advance and kept apart,
// that is a revocation certificate, which [Key.Merge] applies.
func (k *Key) Revoke(reason RevocationReason, text string, at time.Time) (*Key, error) {
	e, config, err := k.certifying(at)
	if err != nil {
		return nil, err
	}
	if err := e.Revoke(packet.ReasonForRevocation(reason), text, config); err != nil {
		return nil, fmt.Errorf("pgp: revoking: %w", err)
	}
	return newKey(e)
}

// certifying gives the entity of a key whose primary key can sign.
func (k *Key) certifying(at time.Time) (*openpgp.Entity, *packet.Config, error) {
	e := k.entity()
	switch {
	case e.PrivateKey == nil || e.PrivateKey.Dummy():
		return nil, nil, &KeyError{k.fingerprint, NotPrivate, ""}
	case e.PrivateKey.Encrypted:
		return nil, nil, fmt.Errorf("%w: %s", ErrLocked, k.fingerprint)
	}
	return e, keyConfig(at), nil
}

// Vouch is a signature of one key on a user ID of another.
type Vouch struct {
	UserID  string
	KeyID   string // of who vouches, as the signature says: 16 hexadecimal digits
	By      *Key   // nil if it is not among the keys given, or the signature is wrong: then nothing is known
	Created time.Time
}

// Vouches lists who vouches for the key's user IDs. What that is worth is for the host to say.
func (k *Key) Vouches(by []*Key) []Vouch {
	e := k.entity()
	known := newRing(by)
	var all []Vouch
	for _, name := range k.userIDs {
		for _, sig := range e.Identities[name].OtherCertifications {
			p := sig.Packet
			if p.IssuerKeyId == nil || p.SigType == packet.SigTypeCertificationRevocation {
				continue
			}
			vouch := Vouch{UserID: name, KeyID: fmt.Sprintf("%016X", *p.IssuerKeyId), Created: p.CreationTime}
			for _, issuer := range known.EntitiesById(*p.IssuerKeyId) {
				if issuer.PrimaryKey.VerifyUserIdSignature(name, e.PrimaryKey, p) == nil {
					vouch.By = known.keyOf(issuer)
				}
			}
			all = append(all, vouch)
		}
	}
	return all
}

func (r *ring) keyOf(e *openpgp.Entity) *Key {
	for k, parsed := range r.parsed {
		if parsed == e {
			return k
		}
	}
	return nil
}

// Certify gives the key with a signature of another on one of its user IDs: that the other vouches for it.
func (k *Key) Certify(userID string, by *Key, at time.Time) (*Key, error) {
	signer, config, err := by.certifying(at)
	if err != nil {
		return nil, err
	}
	e := k.entity()
	if err := e.SignIdentity(userID, signer, config); err != nil {
		return nil, fmt.Errorf("pgp: certifying %q: %w", userID, err)
	}
	return newKey(e)
}
