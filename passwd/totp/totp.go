// Package totp is the second factor of a web page: one-time passwords of an authenticator app (RFC 6238), and recovery codes for when it is lost.
// Mail protocols have no place for a second factor; users who have one should read mail with app passwords (passwd.SetAppOnly).
//
// A code counts once, also when it is tried many times at once; so does a recovery code. What is kept is in the attributes "totp" and "recovery"
// of a user; the secret is in clear there, since it is needed to compute codes.
//
// Guessing is for the caller to slow down, with a throttle.Guard as for passwords.
package totp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	otptotp "github.com/pquerna/otp/totp"

	"github.com/mailhavn/mailhavn/passwd"
)

// Errors of this package.
var (
	ErrCode   = errors.New("totp: the code is wrong, or was used already")
	ErrNotSet = errors.New("totp: the user has no second factor")
)

const (
	attribute = "totp"
	recovery  = "recovery"
	period    = 30 // seconds, as every authenticator app has it
	codes     = 10 // recovery codes
)

// state is what the attribute holds.
type state struct {
	Secret    string `json:"secret"` // base32
	Confirmed bool   `json:"confirmed,omitempty"`
	Last      int64  `json:"last,omitempty"` // the step of the last code that was used
}

// Enabled reports whether a user has to give a code.
func Enabled(u passwd.User) bool {
	s, ok := read(u)
	return ok && s.Confirmed
}

func read(u passwd.User) (s state, ok bool) {
	return s, json.Unmarshal([]byte(u.Attributes[attribute]), &s) == nil && s.Secret != ""
}

func write(r *passwd.Record, key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if r.Attributes == nil {
		r.Attributes = map[string]string{}
	}
	r.Attributes[key] = string(text)
	return nil
}

// Enroll makes a new secret, which counts from [Confirm] on; until then a former one does. The URL is for a QR code, issuer the name of the service.
func Enroll(ctx context.Context, users passwd.Users, user, issuer string) (url, secret string, err error) {
	key, err := otptotp.Generate(otptotp.GenerateOpts{Issuer: issuer, AccountName: user, SecretSize: 20})
	if err != nil {
		return "", "", err
	}
	err = users.Update(ctx, user, func(r *passwd.Record) error {
		return write(r, attribute+"-new", state{Secret: key.Secret()})
	})
	return key.URL(), key.Secret(), err
}

// Confirm makes the secret of [Enroll] count, if the code shows that the user's app has it. It returns recovery codes, which are shown this once.
func Confirm(ctx context.Context, users passwd.Users, user, code string) (recoveryCodes []string, err error) {
	var sums []string
	for range codes {
		c := strings.ToLower(rand.Text()[:16]) // 80 bits
		recoveryCodes = append(recoveryCodes, c[:4]+"-"+c[4:8]+"-"+c[8:12]+"-"+c[12:])
		sums = append(sums, digest(c))
	}
	err = users.Update(ctx, user, func(r *passwd.Record) error {
		var s state
		if json.Unmarshal([]byte(r.Attributes[attribute+"-new"]), &s) != nil || s.Secret == "" {
			return ErrNotSet
		}
		if err := s.use(code, time.Now()); err != nil {
			return err
		}
		s.Confirmed = true
		delete(r.Attributes, attribute+"-new")
		return errors.Join(write(r, attribute, s), write(r, recovery, sums))
	})
	if err != nil {
		return nil, err
	}
	return recoveryCodes, nil
}

// Check accepts a code of now, or of the step of 30 seconds before or after, or a recovery code, each once. The error is ErrCode, ErrNotSet, or one of
// the users.
func Check(ctx context.Context, users passwd.Users, user, code string) error {
	return check(ctx, users, user, code, time.Now())
}

func check(ctx context.Context, users passwd.Users, user, code string, now time.Time) error {
	return users.Update(ctx, user, func(r *passwd.Record) error {
		s, ok := read(r.User)
		if !ok || !s.Confirmed {
			return ErrNotSet
		}
		if err := s.use(code, now); err == nil {
			return write(r, attribute, s)
		}
		return useRecovery(r, code)
	})
}

// use takes note of a code's step, if the code is right and the step later than the last one.
func (s *state) use(code string, now time.Time) error {
	code = strings.ReplaceAll(code, " ", "")
	for _, skew := range []int64{0, -1, 1} {
		step := now.Unix()/period + skew
		want, err := generate(s.Secret, step, otp.AlgorithmSHA1, otp.DigitsSix)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > s.Last {
			s.Last = step
			return nil
		}
	}
	return ErrCode
}

// generate returns the code of a step.
func generate(secret string, step int64, a otp.Algorithm, d otp.Digits) (string, error) {
	return otptotp.GenerateCodeCustom(secret, time.Unix(step*period, 0), otptotp.ValidateOpts{Period: period, Digits: d, Algorithm: a})
}

// useRecovery uses a recovery code up.
func useRecovery(r *passwd.Record, code string) error {
	var sums []string
	if json.Unmarshal([]byte(r.Attributes[recovery]), &sums) != nil {
		return ErrCode
	}
	sum := digest(strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code)))
	found := -1
	for i, s := range sums {
		if subtle.ConstantTimeCompare([]byte(s), []byte(sum)) == 1 {
			found = i
		}
	}
	if found < 0 {
		return ErrCode
	}
	return write(r, recovery, slices.Delete(sums, found, found+1))
}

// digest is enough for codes of 80 bits.
func digest(code string) string {
	sum := sha256.Sum256([]byte(code))
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

// Left returns how many recovery codes a user has.
func Left(u passwd.User) int {
	var sums []string
	json.Unmarshal([]byte(u.Attributes[recovery]), &sums)
	return len(sums)
}

// Disable takes the second factor away.
func Disable(ctx context.Context, users passwd.Users, user string) error {
	return users.Update(ctx, user, func(r *passwd.Record) error {
		for _, key := range []string{attribute, attribute + "-new", recovery} {
			delete(r.Attributes, key)
		}
		return nil
	})
}
