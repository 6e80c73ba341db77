package passkey

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/mailhavn/mailhavn/passwd"
)

// Errors of this package.
var (
	ErrResponse = errors.New("passkey: the answer of the browser is not accepted") // the reason is added, for a log
	ErrCopied   = errors.New("passkey: the counter of the key has not grown, so there may be a copy of it")
	ErrTooMany  = errors.New("passkey: the user has too many keys")
)

// timeout is how long a user has for a ceremony.
const timeout = 5 * time.Minute

// maxResponse bounds an answer of a browser, in bytes.
const maxResponse = 64 << 10

// Site is a web page whose users have passkeys. It may be used by many goroutines.
type Site struct {
	users passwd.Users
	web   *webauthn.WebAuthn
}

// New returns a Site. id is its domain, such as "example.org", to which keys stay bound; name is shown to users; origins are where
// its pages are, such as "https://mail.example.org", at that domain or below.
func New(users passwd.Users, id, name string, origins ...string) (*Site, error) {
	limit := webauthn.TimeoutConfig{Enforce: true, Timeout: timeout, TimeoutUVD: timeout}
	web, err := webauthn.New(&webauthn.Config{
		RPID: id, RPDisplayName: name, RPOrigins: origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification:   protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: limit, Registration: limit},
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &Site{users: users, web: web}, nil
}

// BeginRegistration returns options for the browser of a user who has logged in otherwise, in JSON, and the session, which the page
// keeps at the server, for this browser, and uses once.
func (s *Site) BeginRegistration(ctx context.Context, user string) (options, session []byte, err error) {
	var o owner
	err = s.users.Update(ctx, user, func(r *passwd.Record) error {
		o = ownerOf(r.User)
		if len(o.keys) >= maxKeys {
			return ErrTooMany
		}
		if len(o.handle) == 0 { // says nothing about the user; WebAuthn, section 14.6.1
			o.handle = make([]byte, 64)
			rand.Read(o.handle) // never fails
			return o.writeHandle(r)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range o.WebAuthnCredentials() {
		known = append(known, c.Descriptor())
	}
	creation, data, err := s.web.BeginRegistration(o, webauthn.WithExclusions(known))
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: %w", err)
	}
	return pack(creation.Response, data)
}

// FinishRegistration stores the user's new key under a name that he gives it, and returns its id.
func (s *Site) FinishRegistration(ctx context.Context, user, name string, session, response []byte) (id string, err error) {
	data, err := unpack(session, response)
	if err != nil {
		return "", err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return "", refused(err)
	}
	id = strings.ToLower(rand.Text()[:8])
	err = s.users.Update(ctx, user, func(r *passwd.Record) error {
		o := ownerOf(r.User)
		c, err := s.web.CreateCredential(o, data, parsed)
		if err != nil {
			return refused(err)
		}
		if len(o.keys) >= maxKeys {
			return ErrTooMany
		}
		if o.find(c.ID) != nil {
			return refused(errors.New("the user has this key already"))
		}
		now := time.Now().UTC().Truncate(time.Second)
		return writeKey(r, Key{ID: id, Name: name, Created: now, Credential: c.ID, PublicKey: c.PublicKey,
			Count: c.Authenticator.SignCount, Synced: c.Flags.BackupEligible})
	})
	return id, err
}

// BeginLogin returns options for a browser, in JSON, and the session, which the page keeps at the server, for this browser, and uses once.
func (s *Site) BeginLogin() (options, session []byte, err error) {
	assertion, data, err := s.web.BeginDiscoverableLogin()
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: %w", err)
	}
	return pack(assertion.Response, data)
}

// FinishLogin returns the user of a name if the answer is of a key of his. The error is ErrResponse, also if there is no such user,
// ErrCopied, one of passwd.User.MayLogIn, or one of the users.
func (s *Site) FinishLogin(ctx context.Context, user string, session, response []byte) (passwd.User, error) {
	data, err := unpack(session, response)
	if err != nil {
		return passwd.User{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return passwd.User{}, refused(err)
	}
	var in passwd.User
	err = s.users.Update(ctx, user, func(r *passwd.Record) error { // so a counter is used once
		o := ownerOf(r.User)
		_, c, err := s.web.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return o, nil }, data, parsed)
		if err != nil {
			return refused(err)
		}
		if c.Authenticator.CloneWarning {
			return ErrCopied
		}
		now := time.Now()
		if err := r.MayLogIn(now); err != nil {
			return err
		}
		key := o.find(c.ID)
		key.Count, key.Used = c.Authenticator.SignCount, now.UTC().Truncate(time.Second)
		in = r.User
		return writeKey(r, *key)
	})
	var bad *passwd.NameError
	if errors.Is(err, passwd.ErrNotFound) || errors.As(err, &bad) {
		err = refused(err)
	}
	if err != nil {
		return passwd.User{}, err
	}
	return in, nil
}

func refused(cause error) error { return fmt.Errorf("%w: %w", ErrResponse, cause) }

func pack(options any, data *webauthn.SessionData) (optionsJSON, session []byte, err error) {
	optionsJSON, err1 := json.Marshal(options)
	session, err2 := json.Marshal(data)
	return optionsJSON, session, errors.Join(err1, err2)
}

func unpack(session, response []byte) (data webauthn.SessionData, err error) {
	if len(response) > maxResponse {
		return data, refused(fmt.Errorf("it is longer than %d bytes", maxResponse))
	}
	if err := json.Unmarshal(session, &data); err != nil {
		return data, fmt.Errorf("passkey: the session: %w", err)
	}
	return data, nil
}
