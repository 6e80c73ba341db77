package passwd

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// AppPassword is a password for one program or device, which can do less than the main password and be revoked alone.
// It is random and of 118 bits, so that one fast hash of it is stored (OWASP ASVS 5.0, 6.5.2).
type AppPassword struct {
	ID   string `json:"-"`    // given by AddAppPassword
	Name string `json:"name"` // what the user calls it

	Protocols []string       `json:"protocols,omitempty"` // such as "imap"; none: all
	Networks  []netip.Prefix `json:"networks,omitempty"`  // from where; none: from everywhere
	Mailboxes []string       `json:"mailboxes,omitempty"` // only in these; none: in all. See Authenticator.KeepsToMailboxes
	ReadOnly  bool           `json:"readOnly,omitempty"`
	Expires   time.Time      `json:"expires,omitzero"` // zero: never

	Created time.Time `json:"created,omitzero"` // set by AddAppPassword
}

// appRecord is how one is stored.
type appRecord struct {
	AppPassword
	Hash  string    `json:"hash"` // base64 of SHA-256
	SCRAM verifiers `json:"scram,omitempty"`
}

// maxAppPasswords bounds those of a user.
const maxAppPasswords = 50

// AddAppPassword gives a user one more password, which is returned and never shown again. Users of a name that is taken get two of it.
func AddAppPassword(ctx context.Context, users Users, hasher *Hasher, user string, app AppPassword) (secret, id string, err error) {
	r, err := users.Get(ctx, user)
	if err != nil {
		return "", "", err
	}
	secret = randomGroups(6, 4)
	id = strings.ToLower(rand.Text()[:8])
	app.ID, app.Created = id, time.Now().UTC().Truncate(time.Second)
	made := appRecord{AppPassword: app, Hash: appHash(secret)}
	if made.SCRAM, err = hasher.verifiers(ctx, secret, hasher.SCRAM, r.scram); err != nil {
		return "", "", err
	}
	err = users.Update(ctx, user, func(r *Record) error {
		if len(r.AppPasswords()) >= maxAppPasswords {
			return fmt.Errorf("%w: %d app passwords are there already", ErrPassword, maxAppPasswords)
		}
		return r.setApp(made)
	})
	if err != nil {
		return "", "", err
	}
	return secret, id, nil
}

// RemoveAppPassword revokes one. Sessions are the server's to end. ErrNotFound says that there is none of this id.
func RemoveAppPassword(ctx context.Context, users Users, user, id string) error {
	return users.Update(ctx, user, func(r *Record) error {
		if _, ok := r.Attributes[appKey+id]; !ok {
			return fmt.Errorf("%w: no app password %.20q", ErrNotFound, id)
		}
		r.setAttribute(appKey+id, "")
		return nil
	})
}

// SetAppOnly switches the main password off for some protocols, such as "imap"; "*" is all. None switches it on everywhere.
func SetAppOnly(ctx context.Context, users Users, user string, protocols ...string) error {
	return users.Update(ctx, user, func(r *Record) error {
		r.setAttribute(appOnlyKey, strings.Join(protocols, ","))
		return nil
	})
}

func (u User) appOnly(protocol string) bool {
	list := strings.Split(u.Attributes[appOnlyKey], ",")
	return slices.Contains(list, "*") || protocol != "" && slices.Contains(list, protocol)
}

// AppPasswords returns those of the user, the oldest first.
func (u User) AppPasswords() []AppPassword {
	var list []AppPassword
	for _, r := range u.appRecords() {
		list = append(list, r.AppPassword)
	}
	slices.SortFunc(list, func(a, b AppPassword) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

func (r *Record) setApp(a appRecord) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	r.setAttribute(appKey+a.ID, string(text))
	return nil
}

// appRecords reads the attributes, in the order of ids; what cannot be read lets nobody in.
func (u User) appRecords() []appRecord {
	var list []appRecord
	for key, text := range u.Attributes {
		id, ok := strings.CutPrefix(key, appKey)
		var r appRecord
		if ok && json.Unmarshal([]byte(text), &r) == nil && r.Hash != "" {
			r.ID = id
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b appRecord) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// findApp returns the app password that password is.
func (r Record) findApp(password string) (found appRecord, ok bool) {
	sum := appHash(password)
	for _, a := range r.appRecords() {
		if subtle.ConstantTimeCompare([]byte(sum), []byte(a.Hash)) == 1 {
			found, ok = a, true
		}
	}
	return found, ok
}

// appHash ignores how the groups are separated and capitals: telephones add both.
func appHash(secret string) string {
	plain := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(secret))
	sum := sha256.Sum256([]byte(plain))
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

func (a AppPassword) allows(protocol string, remote net.Addr, now time.Time) bool {
	if !a.Expires.IsZero() && !now.Before(a.Expires) {
		return false
	}
	if len(a.Protocols) > 0 && !slices.Contains(a.Protocols, protocol) {
		return false
	}
	return len(a.Networks) == 0 || slices.ContainsFunc(a.Networks, func(p netip.Prefix) bool { return p.Contains(AddressOf(remote)) })
}

// AddressOf returns the IP address of a network address, without a zone; the zero Addr if it has none.
func AddressOf(remote net.Addr) netip.Addr {
	if t, ok := remote.(*net.TCPAddr); ok {
		a, _ := netip.AddrFromSlice(t.IP)
		return a.Unmap()
	}
	if remote == nil {
		return netip.Addr{}
	}
	ap, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
