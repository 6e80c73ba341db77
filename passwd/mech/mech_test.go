package mech

import (
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
)

var errWrong = errors.New("wrong")

// talk sends responses until the server ends, and returns the last challenge.
func talk(s sasl.Server, responses ...string) (challenge string, done bool, err error) {
	var c []byte
	for _, r := range responses {
		var b []byte
		if r != "<none>" {
			b = append([]byte{}, r...)
		}
		if c, done, err = s.Next(b); done || err != nil {
			break
		}
	}
	return string(c), done, err
}

func anna(authzid, user, password string) error {
	if authzid+"/"+user+"/"+password == "/anna/secret" {
		return nil
	}
	return errWrong
}

func TestPasswords(t *testing.T) {
	for _, test := range []struct {
		server    sasl.Server
		responses []string
		want      error
	}{
		{NewPlain(anna), []string{"\x00anna\x00secret"}, nil},
		{NewPlain(anna), []string{"<none>", "\x00anna\x00secret"}, nil},
		{NewPlain(anna), []string{"\x00anna\x00Secret"}, errWrong},
		{NewPlain(anna), []string{"anna\x00secret"}, ErrMessage},
		{NewPlain(anna), []string{"<none>", "<none>"}, ErrMessage},
		{NewPlain(anna), []string{strings.Repeat("x", MaxMessage+1)}, ErrMessage},
		{NewLogin(anna), []string{"<none>", "anna", "secret"}, nil},
		{NewLogin(anna), []string{"anna", "secret"}, nil},
		{NewLogin(anna), []string{"anna", "Secret"}, errWrong},
		{NewLogin(anna), []string{"<none>", ""}, ErrMessage},
		{NewLogin(anna), []string{"<none>", "anna", ""}, ErrMessage},
		{NewExternal(func(z string) error { return anna("", z, "secret") }), []string{"anna"}, nil},
		{NewExternal(func(z string) error { return anna("", z, "secret") }), []string{"<none>", ""}, errWrong},
		{NewExternal(func(z string) error { return nil }), []string{"an\x00na"}, ErrMessage},
	} {
		_, done, err := talk(test.server, test.responses...)
		if !errors.Is(err, test.want) || done != (err == nil) {
			t.Errorf("%q: done %v, %v", test.responses, done, err)
		}
		if _, _, err := test.server.Next([]byte("\x00anna\x00secret")); !errors.Is(err, sasl.ErrUnexpectedClientResponse) {
			t.Errorf("%q: a second try: %v", test.responses, err)
		}
	}
}

func TestTokens(t *testing.T) {
	check := func(user, token string) error {
		if (user == "" || user == "anna") && token == "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" {
			return nil
		}
		return errWrong
	}
	failure := Failure{Scope: "mail", Configuration: "https://example.com/.well-known/openid-configuration"}
	const token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
	bearer := func() sasl.Server { return NewOAuthBearer(check, failure) }
	xoauth := func() sasl.Server { return NewXOAuth2(check, failure) }
	for _, test := range []struct {
		server    sasl.Server
		responses []string
		want      error
	}{
		{bearer(), []string{"n,a=anna,\x01host=server.example.com\x01port=143\x01auth=Bearer " + token + "\x01\x01"}, nil}, // RFC 7628, section 4.1
		{bearer(), []string{"<none>", "n,,\x01auth=bearer " + token + "\x01\x01"}, nil},
		{bearer(), []string{"n,a=bob,\x01auth=Bearer " + token + "\x01\x01", "\x01"}, errWrong},
		{bearer(), []string{"n,,\x01auth=Bearer other\x01\x01", ""}, errWrong},
		{bearer(), []string{"n,,\x01auth=Bearer " + token + "\x01"}, ErrMessage},
		{bearer(), []string{"n,,\x01auth=Basic " + token + "\x01\x01"}, ErrMessage},
		{bearer(), []string{"n,,\x01auth=Bearer a b\x01\x01"}, ErrMessage},
		{bearer(), []string{"n,,\x01auth=Bearer " + token + "\x01auth=Bearer " + token + "\x01\x01"}, ErrMessage},
		{bearer(), []string{"n,,\x01host=x\x01\x01"}, ErrMessage},
		{bearer(), []string{"p=tls-exporter,,\x01auth=Bearer " + token + "\x01\x01"}, ErrMessage},
		{bearer(), []string{strings.Repeat("x", MaxToken+1)}, ErrMessage},
		{xoauth(), []string{"user=anna\x01auth=Bearer " + token + "\x01\x01"}, nil},
		{xoauth(), []string{"user=bob\x01auth=Bearer " + token + "\x01\x01", ""}, errWrong},
		{xoauth(), []string{"user=\x01auth=Bearer " + token + "\x01\x01"}, ErrMessage},
		{xoauth(), []string{"auth=Bearer " + token + "\x01\x01"}, ErrMessage},
	} {
		_, done, err := talk(test.server, test.responses...)
		if !errors.Is(err, test.want) || done != (err == nil) {
			t.Errorf("%q: done %v, %v", test.responses, done, err)
		}
		if err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("the error quotes the token: %v", err)
		}
	}
	challenge, done, err := talk(bearer(), "n,,\x01auth=Bearer other\x01\x01")
	if want := `{"status":"invalid_token","scope":"mail","openid-configuration":"https://example.com/.well-known/openid-configuration"}`; challenge != want || done || err != nil {
		t.Errorf("%s, done %v, %v", challenge, done, err)
	}
}
