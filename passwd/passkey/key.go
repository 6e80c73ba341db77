package passkey

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/mailhavn/mailhavn/passwd"
)

// Key is a passkey of a user, as it is stored.
type Key struct {
	ID      string    `json:"-"`    // given by FinishRegistration
	Name    string    `json:"name"` // what the user calls it
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`    // at the last login
	Synced  bool      `json:"synced,omitempty"` // it may be on several devices of its owner; WebAuthn, section 6.1.3

	Credential []byte `json:"credential"`      // the device's id for it
	PublicKey  []byte `json:"key"`             // COSE
	Count      uint32 `json:"count,omitempty"` // of signatures; 0: the device does not count
}

const (
	handleAttribute = "passkey-user"
	keyAttribute    = "passkey." // and an id
	maxKeys         = 20         // of a user
)

// Keys returns the passkeys of a user, the oldest first.
func Keys(u passwd.User) []Key {
	var keys []Key
	for name, text := range u.Attributes {
		id, ok := strings.CutPrefix(name, keyAttribute)
		k := Key{ID: id}
		if ok && json.Unmarshal([]byte(text), &k) == nil && len(k.PublicKey) > 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return keys
}

// Remove takes a passkey away. passwd.ErrNotFound says that there is none of this id.
func Remove(ctx context.Context, users passwd.Users, user, id string) error {
	return users.Update(ctx, user, func(r *passwd.Record) error {
		if _, ok := r.Attributes[keyAttribute+id]; !ok {
			return fmt.Errorf("%w: no passkey %.20q", passwd.ErrNotFound, id)
		}
		delete(r.Attributes, keyAttribute+id)
		return nil
	})
}

func writeKey(r *passwd.Record, k Key) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if r.Attributes == nil {
		r.Attributes = map[string]string{}
	}
	r.Attributes[keyAttribute+k.ID] = string(text)
	return nil
}

// owner is a user as package webauthn sees one.
type owner struct {
	name   string
	handle []byte
	keys   []Key
}

func ownerOf(u passwd.User) owner {
	handle, _ := base64.RawURLEncoding.DecodeString(u.Attributes[handleAttribute]) // empty fits no answer
	return owner{u.Name, handle, Keys(u)}
}

func (o owner) writeHandle(r *passwd.Record) error {
	if r.Attributes == nil {
		r.Attributes = map[string]string{}
	}
	r.Attributes[handleAttribute] = base64.RawURLEncoding.EncodeToString(o.handle)
	return nil
}

// find returns the key with a device's id; nil if the user has none.
func (o owner) find(credential []byte) *Key {
	for i := range o.keys {
		if bytes.Equal(o.keys[i].Credential, credential) {
			return &o.keys[i]
		}
	}
	return nil
}

func (o owner) WebAuthnID() []byte          { return o.handle }
func (o owner) WebAuthnName() string        { return o.name }
func (o owner) WebAuthnDisplayName() string { return o.name }

func (o owner) WebAuthnCredentials() []webauthn.Credential {
	var list []webauthn.Credential
	for _, k := range o.keys {
		list = append(list, webauthn.Credential{
			ID: k.Credential, PublicKey: k.PublicKey,
			Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: true, BackupEligible: k.Synced},
			Authenticator: webauthn.Authenticator{SignCount: k.Count},
		})
	}
	return list
}
