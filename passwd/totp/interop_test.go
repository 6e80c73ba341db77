//go:build interop

package totp

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/pquerna/otp"
)

// TestOathtool compares 10,000 codes with those of oathtool, a thousand of each of ten secrets.
func TestOathtool(t *testing.T) {
	for i := range int64(10) {
		key := make([]byte, 20)
		rand.Read(key)
		secret := base32.StdEncoding.EncodeToString(key)
		first := 40_000_000 + 1_000_000*i
		out, err := exec.Command("oathtool", "--totp", "--base32", "--window=999", fmt.Sprintf("--now=@%d", first*period), secret).Output()
		if err != nil {
			t.Fatal(err)
		}
		codes := strings.Fields(string(out))
		if len(codes) != 1000 {
			t.Fatalf("%d codes", len(codes))
		}
		for j, want := range codes {
			if got, err := generate(secret, first+int64(j), otp.AlgorithmSHA1, otp.DigitsSix); got != want || err != nil {
				t.Fatalf("step %d: %s, %v, oathtool %s", first+int64(j), got, err, want)
			}
		}
	}
}
