package pgp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Key is an OpenPGP certificate, or a private key with its certificate. It never changes: what would change it gives another Key.
// So it may be used by several goroutines at once. The zero value is of no use; keys come from [ReadKeys] and [Generate].
type Key struct {
	raw         []byte // what every use parses anew, because go-crypto keeps its findings in what it has parsed
	private     bool
	locked      bool
	version     int
	fingerprint string
	ids         []uint64 // of the primary key and of all subkeys
	userIDs     []string
	created     time.Time
}

// Bounds of what ReadKeys takes.
const (
	maxKeys       = 1000
	maxKeyData    = 4 << 20 // of one key
	maxSignatures = 9999    // on one key; floods of signatures made keys unusable on key servers in 2019
)

// ReadKeys reads certificates and private keys, armored or binary. Keys whose kind is not supported are left out; if nothing else is there, the error
// tells why. A key with too many signatures is refused with a [KeyError] of reason [Poisoned].
func ReadKeys(r io.Reader) (keys []*Key, err error) {
	defer guard(&err)
	in, _, err := dearmor(r)
	if err != nil {
		return nil, err
	}
	var skipped error
	for {
		data, err := readKeyData(in)
		if err != nil {
			return nil, err
		}
		if data == nil {
			break
		}
		if len(keys) == maxKeys {
			return nil, fmt.Errorf("%w: more than %d keys", ErrTooMany, maxKeys)
		}
		key, err := parseKey(data)
		if err != nil {
			skipped = err
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 && skipped == nil {
		skipped = fmt.Errorf("%w: there is no key", ErrMalformed)
	}
	if len(keys) == 0 {
		return nil, skipped
	}
	return keys, nil
}

// readKeyData reads the packets of one key, nil at the end.
func readKeyData(in *bufio.Reader) (data []byte, err error) {
	signatures, skip := 0, false
	for {
		next, err := in.Peek(1)
		if errors.Is(err, io.EOF) {
			return data, nil
		} else if err != nil {
			return nil, classify(err, ErrMalformed)
		}
		if data != nil && isPrimary(next[0]) {
			return data, nil
		}
		h, err := readHeader(in)
		if err != nil {
			return nil, err
		}
		limit := h
		limit.length = min(h.length, maxPacket)
		body, err := readBody(in, limit)
		if err != nil {
			return nil, err
		}
		if h.length > maxPacket { // pictures in user attributes may be large, and are of no use here
			if _, err := in.Discard(int(h.length - maxPacket)); err != nil {
				return nil, noEOF(err)
			}
		}
		if h.tag == tagSignature {
			signatures++
		} else { // pictures go, and with them what certifies them
			skip = h.tag == tagUserAttribute
		}
		if skip || h.tag == tagMarker || h.tag == tagPadding {
			continue
		}
		data = appendPacket(data, h.tag, body)
		if signatures > maxSignatures || len(data) > maxKeyData {
			return nil, &KeyError{Reason: Poisoned, Detail: fmt.Sprintf("%d signatures, %d bytes", signatures, len(data))}
		}
	}
}

// isPrimary reports whether a packet that begins with this octet is a primary key, public or secret.
func isPrimary(first byte) bool {
	tag := tagOf(first)
	return first&0x80 != 0 && (tag == tagSecretKey || tag == tagPublicKey)
}

func parseKey(data []byte) (*Key, error) {
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(data)))
	if err != nil {
		return nil, classify(err, ErrMalformed)
	}
	return newKey(e)
}

// newKey makes a Key of an entity, which must not be used by others any more.
func newKey(e *openpgp.Entity) (*Key, error) {
	raw, err := serialize(e)
	if err != nil {
		return nil, err
	}
	k := &Key{
		raw:         raw,
		private:     e.PrivateKey != nil,
		version:     e.PrimaryKey.Version,
		fingerprint: strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint)),
		ids:         []uint64{e.PrimaryKey.KeyId},
		userIDs:     slices.Sorted(maps.Keys(e.Identities)),
		created:     e.PrimaryKey.CreationTime,
	}
	k.locked = e.PrivateKey != nil && e.PrivateKey.Encrypted
	for _, sub := range e.Subkeys {
		k.ids = append(k.ids, sub.PublicKey.KeyId)
		k.locked = k.locked || sub.PrivateKey != nil && sub.PrivateKey.Encrypted
	}
	return k, nil
}

// serialize writes an entity, always in the same order.
func serialize(e *openpgp.Entity) ([]byte, error) {
	var out bytes.Buffer
	write := func(errs *[]error, err error) { *errs = append(*errs, err) }
	var errs []error
	if e.PrivateKey != nil {
		write(&errs, e.PrivateKey.Serialize(&out))
	} else {
		write(&errs, e.PrimaryKey.Serialize(&out))
	}
	for _, sig := range slices.Concat(e.Revocations, e.DirectSignatures) {
		write(&errs, sig.Packet.Serialize(&out))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Identities)) {
		write(&errs, e.Identities[name].Serialize(&out))
	}
	for _, sub := range e.Subkeys {
		write(&errs, sub.Serialize(&out, sub.PrivateKey != nil))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("pgp: a key cannot be written: %w", err)
	}
	return out.Bytes(), nil
}

// entity parses the key for one use.
func (k *Key) entity() *openpgp.Entity {
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(k.raw)))
	if err != nil {
		panic(fmt.Sprintf("pgp: a key that was read cannot be read again: %v", err))
	}
	return e
}

// Fingerprint is that of the primary key, in upper case hexadecimal: 40 digits, or 64 if the key is of version 6.
func (k *Key) Fingerprint() string { return k.fingerprint }

// Version is that of the primary key: 4 or 6.
func (k *Key) Version() int { return k.version }

// Private reports whether there is private key material.
func (k *Key) Private() bool { return k.private }

// Locked reports whether private key material is locked by a passphrase.
func (k *Key) Locked() bool { return k.locked }

// Created is when the key says that it was made.
func (k *Key) Created() time.Time { return k.created }

// UserIDs are the names that the key says it is of, as they are, sorted; also revoked ones.
func (k *Key) UserIDs() []string { return slices.Clone(k.userIDs) }

// Emails are the addresses in user IDs that the key itself vouches for at the time and that are not revoked: lower case, sorted, each once.
func (k *Key) Emails(at time.Time) []string {
	var emails []string
	for name, identity := range k.entity().Identities {
		if _, err := identity.Verify(at, keyConfig(at)); err != nil {
			continue
		}
		if address := emailOf(name); address != "" {
			emails = append(emails, address)
		}
	}
	slices.Sort(emails)
	return slices.Compact(emails)
}

// emailOf finds the address in a user ID: "Name <address>", or the address alone (RFC 9580, section 5.11).
func emailOf(userID string) string {
	address := strings.TrimSpace(userID)
	if open := strings.LastIndexByte(address, '<'); open >= 0 && strings.HasSuffix(address, ">") {
		address = address[open+1 : len(address)-1]
	}
	parsed, err := mail.ParseAddress("<" + address + ">")
	if err != nil {
		return ""
	}
	return strings.ToLower(parsed.Address)
}

// Expires is when the key expires by what it says at the time; the zero time means never.
func (k *Key) Expires(at time.Time) time.Time {
	e := k.entity()
	sig, err := e.PrimarySelfSignature(at, keyConfig(at))
	if err != nil || sig.KeyLifetimeSecs == nil || *sig.KeyLifetimeSecs == 0 {
		return time.Time{}
	}
	return e.PrimaryKey.CreationTime.Add(time.Duration(*sig.KeyLifetimeSecs) * time.Second)
}

// Public is the certificate of a private key, and a certificate itself.
func (k *Key) Public() *Key {
	if !k.private {
		return k
	}
	e := k.entity()
	e.PrivateKey = nil
	for i := range e.Subkeys {
		e.Subkeys[i].PrivateKey = nil
	}
	public, err := newKey(e)
	if err != nil {
		panic(err) // what was read can be written
	}
	return public
}

// Bytes is the key in binary form, with private key material if it has some.
func (k *Key) Bytes() []byte { return bytes.Clone(k.raw) }

// Armor is the key in armored form, with private key material if it has some.
func (k *Key) Armor() string {
	label := openpgp.PublicKeyType
	if k.private {
		label = openpgp.PrivateKeyType
	}
	return armorKeys(label, k.raw, k)
}

// ArmorKeys writes several certificates, or several private keys, as one armored block.
func ArmorKeys(keys ...*Key) string {
	label := openpgp.PublicKeyType
	var raw []byte
	for _, k := range keys {
		if k.private {
			label = openpgp.PrivateKeyType
		}
		raw = append(raw, k.raw...)
	}
	return armorKeys(label, raw, keys...)
}

func armorKeys(label string, raw []byte, keys ...*Key) string {
	var out strings.Builder
	w := armorWriter{dst: &out, label: label, checksum: wantsChecksum(keys...)}
	w.Write(raw)
	w.Close() // a Builder takes everything
	return out.String()
}

// ring are keys as go-crypto looks them up. It parses a key when it is asked for.
type ring struct {
	keys   []*Key
	parsed map[*Key]*openpgp.Entity
}

func newRing(keys []*Key) *ring { return &ring{keys, map[*Key]*openpgp.Entity{}} }

// EntitiesById implements openpgp.KeyRing.
func (r *ring) EntitiesById(id uint64) (found []*openpgp.Entity) {
	for _, k := range r.keys {
		if slices.Contains(k.ids, id) {
			if r.parsed[k] == nil {
				r.parsed[k] = k.entity()
			}
			found = append(found, r.parsed[k])
		}
	}
	return found
}

// KeysById implements openpgp.KeyRing.
func (r *ring) KeysById(id uint64) []openpgp.Key {
	return openpgp.EntityList(r.EntitiesById(id)).KeysById(id)
}
