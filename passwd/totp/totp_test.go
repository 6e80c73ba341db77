package totp

import (
	"context"
	"encoding/base32"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp"

	"github.com/mailhavn/mailhavn/passwd"
)

var background = context.Background()

// RFC 6238, appendix B.
func TestRFCVectors(t *testing.T) {
	const digits = "1234567890"
	secrets := map[otp.Algorithm]string{
		otp.AlgorithmSHA1: digits + digits, otp.AlgorithmSHA256: digits + digits + digits + "12", otp.AlgorithmSHA512: strings.Repeat(digits, 6) + "1234",
	}
	for _, v := range []struct {
		time int64
		code map[otp.Algorithm]string
	}{
		{59, map[otp.Algorithm]string{otp.AlgorithmSHA1: "94287082", otp.AlgorithmSHA256: "46119246", otp.AlgorithmSHA512: "90693936"}},
		{1111111109, map[otp.Algorithm]string{otp.AlgorithmSHA1: "07081804", otp.AlgorithmSHA256: "68084774", otp.AlgorithmSHA512: "25091201"}},
		{1234567890, map[otp.Algorithm]string{otp.AlgorithmSHA1: "89005924", otp.AlgorithmSHA256: "91819424", otp.AlgorithmSHA512: "93441116"}},
		{20000000000, map[otp.Algorithm]string{otp.AlgorithmSHA1: "65353130", otp.AlgorithmSHA256: "77737706", otp.AlgorithmSHA512: "47863826"}},
	} {
		for a, want := range v.code {
			if got, err := generate(base32.StdEncoding.EncodeToString([]byte(secrets[a])), v.time/period, a, otp.DigitsEight); got != want || err != nil {
				t.Errorf("%d, %v: %s, %v, want %s", v.time, a, got, err, want)
			}
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// enrolled returns a file with a user who has a second factor.
func enrolled(t *testing.T) (users *passwd.File, secret string, recoveryCodes []string) {
	t.Helper()
	users, err := passwd.OpenFile(filepath.Join(t.TempDir(), "users"))
	must(t, err)
	users.Hasher.Params = passwd.Params{Memory: 8, Time: 1}
	must(t, users.Add(background, "anna", "secret"))
	url, secret, err := Enroll(background, users, "anna", "Example")
	must(t, err)
	if !strings.HasPrefix(url, "otpauth://totp/Example:anna?") {
		t.Errorf("URL %s", url)
	}
	if u, _ := users.Lookup("anna"); Enabled(u) {
		t.Error("enabled before it is confirmed")
	}
	if _, err := Confirm(background, users, "anna", "000000x"); !errors.Is(err, ErrCode) {
		t.Errorf("confirmed by a wrong code: %v", err)
	}
	code, err := generate(secret, time.Now().Unix()/period, otp.AlgorithmSHA1, otp.DigitsSix)
	must(t, err)
	recoveryCodes, err = Confirm(background, users, "anna", code)
	must(t, err)
	if err := Check(background, users, "anna", code); !errors.Is(err, ErrCode) {
		t.Errorf("the code of the confirmation counts again: %v", err)
	}
	return users, secret, recoveryCodes
}

// A code is good for three steps, and once, however many try it at a time.
func TestSingleUse(t *testing.T) {
	users, secret, _ := enrolled(t)
	later := time.Now().Add(10 * period * time.Second)
	step := later.Unix() / period
	code := func(step int64) string {
		c, err := generate(secret, step, otp.AlgorithmSHA1, otp.DigitsSix)
		must(t, err)
		return c
	}
	for _, skew := range []int64{-2, 2, 3, -10} {
		if err := check(background, users, "anna", code(step+skew), later); !errors.Is(err, ErrCode) {
			t.Errorf("a code %d steps away: %v", skew, err)
		}
	}
	var accepted atomic.Int64
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() {
			if err := check(background, users, "anna", code(step), later); err == nil {
				accepted.Add(1)
			} else if !errors.Is(err, ErrCode) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := accepted.Load(); n != 1 {
		t.Errorf("accepted %d times", n)
	}
	if err := check(background, users, "anna", code(step-1), later); !errors.Is(err, ErrCode) {
		t.Errorf("an older code after a newer one: %v", err)
	}
	if err := check(background, users, "anna", code(step + 1)[:3]+" "+code(step + 1)[3:], later); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

func TestRecovery(t *testing.T) {
	users, _, list := enrolled(t)
	if len(list) != codes {
		t.Fatalf("codes %v", list)
	}
	u, err := users.Lookup("anna")
	must(t, err)
	for _, c := range list {
		if strings.Contains(u.Attributes[recovery], c) || strings.Contains(u.Attributes[recovery], strings.ReplaceAll(c, "-", "")) {
			t.Error("recovery codes are stored in clear")
		}
	}
	must(t, Check(background, users, "anna", strings.ToUpper(list[3])))
	for _, wrong := range []string{list[3], "", "0000-0000-0000-0000"} {
		if err := Check(background, users, "anna", wrong); !errors.Is(err, ErrCode) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if u, _ = users.Lookup("anna"); Left(u) != codes-1 || !Enabled(u) {
		t.Errorf("%d codes left", Left(u))
	}
	must(t, Disable(background, users, "anna"))
	if err := Check(background, users, "anna", list[4]); !errors.Is(err, ErrNotSet) {
		t.Errorf("after it was disabled: %v", err)
	}
	if _, err := Confirm(background, users, "anna", "123456"); !errors.Is(err, ErrNotSet) {
		t.Errorf("nothing to confirm: %v", err)
	}
}
