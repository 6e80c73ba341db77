package mech

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
)

// MaxToken bounds a message with a token, in bytes.
const MaxToken = 16 << 10

// Token checks a bearer token. user is whom the client names, or "" if it names nobody.
type Token func(user, token string) error

// Failure is what clients are told of a token that was refused (RFC 7628, section 3.2.2), so that they can get a better one.
type Failure struct {
	Scope         string // that a token must have
	Configuration string // URL of the OpenID provider's configuration
}

func (f Failure) challenge() []byte {
	b, _ := json.Marshal(struct {
		Status        string `json:"status"`
		Scope         string `json:"scope,omitempty"`
		Configuration string `json:"openid-configuration,omitempty"`
	}{"invalid_token", f.Scope, f.Configuration})
	return b
}

// NewOAuthBearer returns the server of OAUTHBEARER (RFC 7628).
func NewOAuthBearer(check Token, failure Failure) sasl.Server {
	return newToken(check, failure, parseBearer)
}

// NewXOAuth2 returns the server of XOAUTH2, its predecessor of Google and Microsoft.
func NewXOAuth2(check Token, failure Failure) sasl.Server {
	return newToken(check, failure, parseXOAuth2)
}

func newToken(check Token, failure Failure, parse func(string) (user, token string, err error)) sasl.Server {
	var refused error
	s := clientFirst(nil)
	s.limit = MaxToken
	s.next = func(message []byte) ([]byte, bool, error) {
		if refused != nil {
			return nil, false, refused // the client has only to acknowledge, whatever it says
		}
		user, token, err := parse(string(message))
		if err != nil {
			return nil, false, err
		}
		if err := check(user, token); err != nil {
			refused = err
			return failure.challenge(), false, nil
		}
		return nil, true, nil
	}
	return s
}

// parseBearer reads a GS2 header and fields that end with 0x01, and one 0x01 more.
func parseBearer(message string) (user, token string, err error) {
	parts := strings.SplitN(message, ",", 3)
	if len(parts) != 3 || parts[0] != "n" && parts[0] != "y" {
		return "", "", malformed("the GS2 header")
	}
	if parts[1] != "" {
		name, ok := strings.CutPrefix(parts[1], "a=")
		if user, err = saslName(name); !ok || err != nil {
			return "", "", malformed("the authzid")
		}
	}
	fields, ok := strings.CutPrefix(parts[2], "\x01")
	if !ok {
		return "", "", malformed("no fields")
	}
	token, err = bearer(fields, "host", "port")
	return user, token, err
}

// parseXOAuth2 reads the same without the header, with the user as the first field.
func parseXOAuth2(message string) (user, token string, err error) {
	first, rest, ok := strings.Cut(message, "\x01")
	user, named := strings.CutPrefix(first, "user=")
	if !ok || !named || user == "" {
		return "", "", malformed("no user")
	}
	token, err = bearer(rest)
	return user, token, err
}

// bearer returns the token of "auth=Bearer TOKEN". Other fields than those allowed are errors.
func bearer(fields string, allowed ...string) (token string, err error) {
	list, ok := strings.CutSuffix(fields, "\x01\x01")
	if !ok {
		return "", malformed("it does not end with two 0x01")
	}
	for field := range strings.SplitSeq(list, "\x01") {
		key, value, _ := strings.Cut(field, "=")
		switch {
		case key == "auth" && token == "":
			scheme, t, ok := strings.Cut(value, " ")
			if !ok || !strings.EqualFold(scheme, "Bearer") || !isToken(t) {
				return "", malformed("the token")
			}
			token = t
		case !slices.Contains(allowed, key):
			return "", malformed("a field that should not be there")
		}
	}
	if token == "" {
		return "", malformed("no token")
	}
	return token, nil
}

// isToken reports the form of a bearer token (RFC 6750, section 2.1).
func isToken(s string) bool {
	s = strings.TrimRight(s, "=")
	return s != "" && !bytes.ContainsFunc([]byte(s), func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/", r))
	})
}
