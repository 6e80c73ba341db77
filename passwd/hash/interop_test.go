//go:build interop

package hash

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

var (
	fast    = flag.Int("hash.fast", 20, "how many passwords for each fast scheme")
	slow    = flag.Int("hash.slow", 6, "how many for each slow one")
	rewrite = flag.Bool("hash.rewrite", false, "write testdata/vectors.json anew")
)

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// TestOtherPrograms has doveadm and mkpasswd make hashes of all their schemes.
func TestOtherPrograms(t *testing.T) {
	var written []vector
	schemes := strings.Fields(output(t, "doveadm", "-O", "pw", "-l")) // -O: without a configuration, which would cost more than the hash
	if len(schemes) != 31 {
		t.Errorf("%d schemes: %v", len(schemes), schemes)
	}
	slices.Sort(schemes)
	isSlow := []string{"ARGON2I", "ARGON2ID", "yescrypt", "gost-yescrypt", "scrypt", "sunmd5"}
	compare := func(program, scheme string, args ...string) {
		n := *fast
		if slices.Contains(isSlow, scheme) {
			n = *slow
		}
		t.Run(program+" "+scheme, func(t *testing.T) {
			for i, p := range passwords(n) {
				v := vector{program + " " + scheme, p, output(t, program, append(args, p)...)}
				v.check(t)
				if i < n/4 {
					written = append(written, v)
				}
			}
		})
	}
	for _, scheme := range schemes {
		compare("doveadm", scheme, "-O", "pw", "-s", scheme, "-u", "anna@example.org", "-p")
	}
	for line := range strings.Lines(output(t, "mkpasswd", "-m", "help")) {
		method, _, ok := strings.Cut(line, " ")
		if !ok || method == "Available" {
			continue
		}
		compare("mkpasswd", method, "-m", method)
	}
	if !*rewrite {
		return
	}
	file, err := os.Create(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, v := range written {
		if err := json.NewEncoder(file).Encode(v); err != nil {
			t.Fatal(err)
		}
	}
}

// What we make, doveadm verifies.
func TestDoveadmVerifies(t *testing.T) {
	for _, p := range passwords(8) {
		a, err := NewArgon2id(Params{})
		if err != nil {
			t.Fatal(err)
		}
		a.Sum = a.Derive(p)
		made := []string{"{ARGON2ID}" + a.String()}
		for _, h := range []string{"SHA-1", "SHA-256"} {
			s, err := NewSCRAM(h, p, 4096)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, s.String())
		}
		for _, hash := range made {
			if out := output(t, "doveadm", "pw", "-t", hash, "-p", p); !strings.HasSuffix(out, "(verified)") {
				t.Errorf("%q %s: %s", p, hash, out)
			}
		}
	}
}

// passwords are of all kinds: short, long, of 8-bit characters, of 72 and 73 bytes.
func passwords(n int) (all []string) {
	r := rand.New(rand.NewPCG(1, 2))
	all = []string{"pässwörd 1", "x", strings.Repeat("72byte!", 10) + "ab", strings.Repeat("73byte!", 10) + "abc", strings.Repeat("é", 60), "$1$%s{}'\"\\"}
	chars := []rune("abcXYZ019 !\"#$%&'()*+,./:;<=>?@[]^_`{|}~äéßΣд王😀\u00a0")
	for len(all) < n {
		var b strings.Builder
		for range 1 + r.IntN(40) {
			b.WriteRune(chars[r.IntN(len(chars))])
		}
		all = append(all, "p"+b.String()) // no option to a program
	}
	return all[:n]
}
