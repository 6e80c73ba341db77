package oauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/mailhavn/mailhavn/passwd"
)

var (
	_          passwd.TokenVerifier = (*JWT)(nil)
	_          passwd.TokenVerifier = (*Introspection)(nil)
	background                      = context.Background()
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return k
}

func sign(t *testing.T, key any, a jose.SignatureAlgorithm, id string, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: a, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", id))
	must(t, err)
	token, err := jwt.Signed(s).Claims(claims).Serialize()
	must(t, err)
	return token
}

func TestJWT(t *testing.T) {
	key, other := newKey(t), newKey(t)
	var down atomic.Bool
	keys := map[string]any{"1": key.Public()}
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		var set jose.JSONWebKeySet
		for id, k := range keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k, KeyID: id})
		}
		json.NewEncoder(w).Encode(set)
	}))
	defer issuer.Close()
	now := time.Now()
	v := &JWT{Rules: Rules{Issuer: "https://id.example.org", Audience: "mail", Scope: "imap"}, Keys: issuer.URL, now: func() time.Time { return now }}
	good := func(change ...any) map[string]any {
		c := map[string]any{"iss": "https://id.example.org", "aud": []string{"web", "mail"}, "scope": "openid imap", "exp": now.Add(time.Hour).Unix(),
			"email": "anna@example.org", "email_verified": true, "sub": "4711"}
		for i := 0; i < len(change); i += 2 {
			if c[change[i].(string)] = change[i+1]; change[i+1] == nil {
				delete(c, change[i].(string))
			}
		}
		return c
	}
	token := sign(t, key, jose.ES256, "1", good())
	for what, test := range map[string]struct {
		token string
		want  error
	}{
		"good":              {token, nil},
		"other key":         {sign(t, other, jose.ES256, "1", good()), ErrToken},
		"unknown key":       {sign(t, other, jose.ES256, "2", good()), ErrToken},
		"shared key":        {sign(t, []byte(strings.Repeat("x", 32)), jose.HS256, "1", good()), ErrToken},
		"no signature":      {"eyJhbGciOiJub25lIn0.e30.", ErrToken},
		"changed":           {token[:len(token)-4] + "AAAA", ErrToken},
		"nonsense":          {"x", ErrToken},
		"other issuer":      {sign(t, key, jose.ES256, "1", good("iss", "https://evil.example")), ErrToken},
		"other service":     {sign(t, key, jose.ES256, "1", good("aud", "web")), ErrToken},
		"no service":        {sign(t, key, jose.ES256, "1", good("aud", nil)), ErrToken},
		"no scope":          {sign(t, key, jose.ES256, "1", good("scope", "openid imaps")), ErrToken},
		"expired":           {sign(t, key, jose.ES256, "1", good("exp", now.Add(-time.Minute).Unix())), ErrToken},
		"without end":       {sign(t, key, jose.ES256, "1", good("exp", nil)), ErrToken},
		"not yet":           {sign(t, key, jose.ES256, "1", good("nbf", now.Add(time.Hour).Unix())), ErrToken},
		"not verified":      {sign(t, key, jose.ES256, "1", good("email_verified", false)), ErrToken},
		"no address":        {sign(t, key, jose.ES256, "1", good("email", nil)), ErrToken},
		"address is a list": {sign(t, key, jose.ES256, "1", good("email", []string{"anna@example.org"})), ErrToken},
	} {
		user, err := v.VerifyToken(background, test.token)
		if !errors.Is(err, test.want) || (user == "anna@example.org") != (err == nil) {
			t.Errorf("%s: %q, %v", what, user, err)
		}
		if err != nil && len(test.token) > 20 && strings.Contains(err.Error(), test.token[10:20]) {
			t.Errorf("%s: the error quotes the token: %v", what, err)
		}
	}
	// The issuer changes its keys.
	keys = map[string]any{"3": other.Public()}
	now = now.Add(2 * refetch)
	if _, err := v.VerifyToken(background, sign(t, other, jose.ES256, "3", good())); err != nil {
		t.Errorf("a new key: %v", err)
	}
	// It does not answer: known keys hold, and otherwise nothing is found out.
	down.Store(true)
	now = now.Add(2 * keysLive)
	if _, err := v.VerifyToken(background, sign(t, other, jose.ES256, "3", good())); err != nil {
		t.Errorf("a known key, issuer down: %v", err)
	}
	if _, err := v.VerifyToken(background, sign(t, key, jose.ES256, "1", good())); !errors.Is(err, passwd.ErrUnavailable) {
		t.Errorf("an unknown key, issuer down: %v", err)
	}
	if _, err := (&JWT{Keys: issuer.URL}).VerifyToken(background, token); err == nil {
		t.Error("without issuer and audience")
	}
}

func TestIntrospection(t *testing.T) {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != "mail" || secret != "canary" || r.Method != http.MethodPost {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		switch r.PostFormValue("token") {
		case "good":
			w.Write([]byte(`{"active":true,"scope":"imap","username":"anna","aud":"mail"}`))
		case "scope":
			w.Write([]byte(`{"active":true,"scope":"web","username":"anna","aud":"mail"}`))
		case "broken":
			w.Write([]byte(`{"active":`))
		default:
			w.Write([]byte(`{"active":false}`))
		}
	}))
	defer issuer.Close()
	v := &Introspection{Rules: Rules{Scope: "imap", Audience: "mail", Claim: "username"}, Endpoint: issuer.URL, ID: "mail", Secret: "canary"}
	for token, want := range map[string]error{"good": nil, "scope": ErrToken, "other": ErrToken, "broken": passwd.ErrUnavailable} {
		if user, err := v.VerifyToken(background, token); !errors.Is(err, want) || (user == "anna") != (err == nil) {
			t.Errorf("%s: %q, %v", token, user, err)
		}
	}
	v.Secret = "wrong"
	if _, err := v.VerifyToken(background, "good"); !errors.Is(err, passwd.ErrUnavailable) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("not allowed to ask: %v", err)
	}
}
