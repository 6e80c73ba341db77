// Package oauth checks the bearer tokens of the SASL mechanisms OAUTHBEARER and XOAUTH2, for passwd.Authenticator: signed ones (JWT, RFC 9068) by the keys
// that their issuer publishes, and opaque ones by asking the issuer (RFC 7662).
package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/mailhavn/mailhavn/passwd"
)

// ErrToken says that a token is not valid here; the reason is added, and quotes nothing of it.
var ErrToken = errors.New("oauth: the token is not valid")

func invalid(reason string) error { return fmt.Errorf("%w: %s", ErrToken, reason) }

// Rules are what a token must say besides being genuine.
type Rules struct {
	Issuer   string // has to be this; must not be empty for a JWT
	Audience string // has to be among them; must not be empty for a JWT, so that tokens for other services do not open mailboxes
	Scope    string // has to be among them, unless it is empty

	// Claim has the name of the user. If empty, "email" if it is there and verified, else nothing: "sub" is mostly no name.
	Claim string
}

// claims are what a token says.
type claims struct {
	Issuer   string       `json:"iss"`
	Audience jwt.Audience `json:"aud"`
	Scope    string       `json:"scope"`
	values   map[string]any
}

// check returns the user.
func (r Rules) check(c claims) (string, error) {
	switch {
	case r.Issuer != "" && c.Issuer != r.Issuer:
		return "", invalid("another issuer")
	case r.Audience != "" && !c.Audience.Contains(r.Audience):
		return "", invalid("it is for another service")
	case r.Scope != "" && !slices.Contains(strings.Fields(c.Scope), r.Scope):
		return "", invalid("it lacks the scope")
	}
	claim := r.Claim
	if claim == "" {
		if claim = "email"; c.values["email_verified"] != true {
			return "", invalid("it has no verified address")
		}
	}
	user, ok := c.values[claim].(string)
	if !ok || user == "" {
		return "", invalid("it does not say whose it is")
	}
	return user, nil
}

// Bounds of what issuers answer.
const (
	maxAnswer   = 1 << 20
	refetch     = time.Minute // keys are fetched at most so often
	keysLive    = time.Hour
	clockLeeway = 30 * time.Second
)

// client is for asking issuers; nil means one with a time-out.
func client(c *http.Client) *http.Client {
	if c != nil {
		return c
	}
	return &http.Client{Timeout: 10 * time.Second}
}

// get reads the answer to a request as JSON. Its errors are temporary: nothing was found out about a token.
func get(c *http.Client, r *http.Request, into any) error {
	response, err := client(c).Do(r)
	if err != nil {
		return unavailable(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return unavailable(fmt.Errorf("%s answers %s", r.URL.Host, response.Status))
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(into); err != nil {
		return unavailable(err)
	}
	return nil
}

func unavailable(err error) error { return fmt.Errorf("%w: oauth: %w", passwd.ErrUnavailable, err) }

// JWT checks signed tokens. It may be used by many goroutines and must not be copied after first use.
type JWT struct {
	Rules  Rules
	Keys   string       // URL of the issuer's keys (jwks_uri)
	Client *http.Client // if nil, one with a time-out of 10 seconds

	mu      sync.Mutex // guards the following fields, and fetching
	keys    jose.JSONWebKeySet
	fetched time.Time
	now     func() time.Time // nil: the clock
}

// algorithms are those with public keys: with a shared one, who can check a token can make one.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// VerifyToken implements passwd.TokenVerifier.
func (j *JWT) VerifyToken(ctx context.Context, token string) (user string, err error) {
	if j.Rules.Issuer == "" || j.Rules.Audience == "" {
		return "", errors.New("oauth: rules for JWT need an issuer and an audience")
	}
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return "", invalid("it is no signed JWT")
	}
	key, err := j.key(ctx, parsed.Headers[0].KeyID)
	if err != nil {
		return "", err
	}
	var times jwt.Claims
	var c claims
	if err := parsed.Claims(key, &times, &c, &c.values); err != nil {
		return "", invalid("its signature")
	}
	if times.Expiry == nil || times.ValidateWithLeeway(jwt.Expected{Time: j.clock()}, clockLeeway) != nil {
		return "", invalid("it has expired, or does not hold yet")
	}
	return j.Rules.check(c)
}

func (j *JWT) clock() time.Time {
	if j.now != nil {
		return j.now()
	}
	return time.Now()
}

// key returns the public key of an id. One that is not known makes the keys be fetched again, since issuers change them.
func (j *JWT) key(ctx context.Context, id string) (any, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	age := j.clock().Sub(j.fetched)
	if found := j.keys.Key(id); len(found) > 0 && age < keysLive {
		return found[0].Key, nil
	}
	if age >= refetch {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, j.Keys, nil)
		if err != nil {
			return nil, unavailable(err)
		}
		var keys jose.JSONWebKeySet
		if err := get(j.Client, r, &keys); err != nil {
			if found := j.keys.Key(id); len(found) > 0 { // better the old ones than nobody
				return found[0].Key, nil
			}
			return nil, err
		}
		j.keys, j.fetched = keys, j.clock()
	}
	found := j.keys.Key(id)
	if len(found) == 0 || !found[0].IsPublic() {
		return nil, invalid("its key is not known")
	}
	return found[0].Key, nil
}

// Introspection asks the issuer about each token (RFC 7662).
type Introspection struct {
	Rules    Rules
	Endpoint string       // URL
	ID       string       // of this server, with the issuer
	Secret   string       // for it
	Client   *http.Client // if nil, one with a time-out of 10 seconds
}

// VerifyToken implements passwd.TokenVerifier.
func (i *Introspection) VerifyToken(ctx context.Context, token string) (user string, err error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.Endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", unavailable(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(url.QueryEscape(i.ID), url.QueryEscape(i.Secret))
	var answer json.RawMessage
	if err := get(i.Client, r, &answer); err != nil {
		return "", err
	}
	var active struct{ Active bool }
	var c claims
	if err := errors.Join(json.Unmarshal(answer, &active), json.Unmarshal(answer, &c), json.Unmarshal(answer, &c.values)); err != nil {
		return "", unavailable(errors.New("the issuer's answer cannot be read"))
	}
	if !active.Active {
		return "", invalid("the issuer says so")
	}
	return i.Rules.check(c)
}
