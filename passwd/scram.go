package passwd

import (
	"context"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/passwd/hash"
	"github.com/mailhavn/mailhavn/passwd/mech"
)

// In SCRAM the server names salt and iterations before it can know which of a user's passwords the client has. So the verifiers of
// the app passwords have the salt and the iterations of the first that was made for the user, and a new main password takes them over
// while there are any; the proof then tells which password it was.

// verifiers are verifiers of one password, by the name of the hash function.
type verifiers map[string]string

// get returns one of them.
func (v verifiers) get(name string) (hash.SCRAM, bool) {
	stored, err := hash.Parse(v[name])
	if err != nil {
		return hash.SCRAM{}, false
	}
	return stored.SCRAM()
}

// verifiers computes those of a password for some hash functions, each in a slot, as siblings of what the user has.
func (h *Hasher) verifiers(ctx context.Context, password string, names []string, has func(name string) (hash.SCRAM, bool)) (verifiers, error) {
	list := verifiers{}
	for _, name := range names {
		release, err := h.acquire(ctx)
		if err != nil {
			return nil, err
		}
		v, ok := has(name)
		if ok {
			v = v.Sibling(prepare(password))
		} else {
			v, err = hash.NewSCRAM(name, prepare(password), h.iterations())
		}
		release()
		if err != nil {
			return nil, err
		}
		list[name] = v.String()
	}
	return list, nil
}

// missing returns the hash functions for which a password has no verifier.
func (h *Hasher) missing(has func(name string) bool) []string {
	return slices.DeleteFunc(slices.Clone(h.SCRAM), has)
}

// scramAttribute is where the verifier of a main password for a hash function is kept.
func scramAttribute(name string) string { return scramKey + strings.ToLower(name) }

// setVerifiers stores verifiers of the main password.
func (r *Record) setVerifiers(list verifiers) {
	for name, v := range list {
		r.setAttribute(scramAttribute(name), v)
	}
}

// mainSCRAM returns the verifier of the main password for a hash function, which may be all that another server has left of it.
func (r Record) mainSCRAM(name string) (hash.SCRAM, bool) {
	if s, ok := r.Hash.SCRAM(); ok && s.Hash == name {
		return s, true
	}
	return verifiers{name: r.Attributes[scramAttribute(name)]}.get(name)
}

// appSCRAM returns the verifier of an app password.
func (r Record) appSCRAM(name string) (hash.SCRAM, bool) {
	for _, a := range r.appRecords() {
		if s, ok := a.SCRAM.get(name); ok {
			return s, true
		}
	}
	return hash.SCRAM{}, false
}

// scram returns the verifier whose salt and iterations clients are shown.
func (r Record) scram(name string) (hash.SCRAM, bool) {
	if s, ok := r.mainSCRAM(name); ok {
		return s, true
	}
	return r.appSCRAM(name)
}

// upgradeApp stores verifiers for an app password that has none, or none that clients can use. If it does not work out, the next login tries again.
func (a *Authenticator) upgradeApp(ctx context.Context, r Record, app appRecord, password string) {
	missing := a.Hasher.missing(func(name string) bool {
		shown, _ := r.scram(name)
		has, ok := app.SCRAM.get(name)
		return ok && has.IsSibling(shown)
	})
	if len(missing) == 0 || !a.Hasher.begin(r.Name) {
		return
	}
	defer a.Hasher.end(r.Name)
	made, err := a.Hasher.verifiers(ctx, password, missing, r.scram)
	if err != nil {
		return
	}
	a.Users.Update(ctx, r.Name, func(now *Record) error {
		for _, x := range now.appRecords() {
			if x.ID == app.ID && x.Hash == app.Hash {
				x.SCRAM = made
				return now.setApp(x)
			}
		}
		return ErrNotFound
	})
}

// verifiers finds what SCRAM needs of a user, and shows something for everybody else.
func (x *exchange) verifiers(name, user string) ([]hash.SCRAM, error) {
	if err := x.begin(user, ""); err != nil {
		return nil, err
	}
	r, err := x.a.Users.Get(x.ctx, user)
	if err != nil && isTemporary(err) {
		return nil, err
	}
	var list []hash.SCRAM
	if shown, ok := r.scram(name); ok && err == nil {
		if s, ok := r.mainSCRAM(name); ok && !r.appOnly(x.a.Protocol) {
			list, x.proofs = append(list, s), append(x.proofs, "")
		}
		for _, a := range r.appRecords() {
			if s, ok := a.SCRAM.get(name); ok && s.IsSibling(shown) {
				list, x.proofs = append(list, s), append(x.proofs, a.ID)
			}
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	if canonical, err := CanonicalName(user); err == nil {
		user = canonical
	}
	return []hash.SCRAM{mech.Fake(name, user, x.a.fakeSecret(), x.a.Hasher.iterations())}, nil
}

// proved ends SCRAM. Only a user who exists can have proved anything.
func (x *exchange) proved(authzid, user string, which int) error {
	switch {
	case authzid != "" && !sameName(authzid, user):
		return ErrAuthorization
	case x.proofs[which] == "":
		return x.admit(user, ErrCredentials)
	}
	r, err := x.a.Users.Get(x.ctx, user)
	if err != nil && isTemporary(err) {
		return err
	}
	for _, app := range r.AppPasswords() { // none if there is no such user any more
		if app.ID == x.proofs[which] {
			x.grant, err = x.a.grantApp(r, app, x.event.Remote)
			return err
		}
	}
	return ErrCredentials
}
