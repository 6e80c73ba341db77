package passwd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// vectors are hashes of "pässwörd 1" by other programs.
var vectors = []struct{ by, hash string }{
	{"argon2 -id -t 2 -k 19456 -p 1 -l 32", "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcyBvaw$XuP59DA8eKwBLQRb90yl3fAKDYQR2apB9u6jFD5omtA"},
	{"argon2 -id -t 3 -k 1024 -p 4 -l 24", "$argon2id$v=19$m=1024,t=3,p=4$c2l4dGVlbiBieXRlcyBvaw$+EzpE5MYLialnGeRtJ9HfMCT+r4PqVgg"},
	{"argon2 -id -t 1 -k 64 -p 2 -l 64", "$argon2id$v=19$m=64,t=1,p=2$c2l4dGVlbiBieXRlcyBvaw$b2HEHLfpoDKbufIq3dhhwwD5fsu4y2eMsBS+7b8kASder43NPUZYyVUNSI6j85guLF4htWrkS5ETaBRI9tsMdg"},
	{"doveadm pw -s ARGON2ID", "$argon2id$v=19$m=262144,t=3,p=1$zCaNUn5+KMRrn8RDLoxwww$YGZwRRnI7oNDHNhtEP7eIWLHC1gpsNPHpJ3qoCVVGVo"},
}

func TestVectors(t *testing.T) {
	var h Hasher
	for _, v := range vectors {
		want(t, v.by, h.Verify(background, v.hash, "pässwörd 1"), nil)
	}
	for _, wrong := range []string{"pässwörd 2", "Pässwörd 1", "pässwörd 1 ", "passwörd 1"} {
		want(t, wrong, h.Verify(background, vectors[0].hash, wrong), ErrCredentials)
	}
}

func TestHash(t *testing.T) {
	var h Hasher
	hash, err := h.Hash(background, "correct horse")
	must(t, err)
	again, err := h.Hash(background, "correct horse")
	must(t, err)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || hash == again {
		t.Errorf("hashes %s, %s", hash, again)
	}
	want(t, "right", h.Verify(background, hash, "correct horse"), nil)
	want(t, "wrong", h.Verify(background, hash, "correct horsf"), ErrCredentials)
}

func TestPasswordsThatCannotBe(t *testing.T) {
	h := &Hasher{}
	count := cheap(h)
	long := strings.Repeat("x", MaxPassword)
	hash, err := h.Hash(background, long)
	must(t, err)
	want(t, "longest", h.Verify(background, hash, long), nil)
	before := count.Load()
	for _, bad := range []string{"", long + "x", "nul\x00", "latin1 \xe5"} {
		_, err := h.Hash(background, bad)
		want(t, "Hash", err, ErrPassword)
		want(t, "Verify", h.Verify(background, hash, bad), ErrCredentials)
		if bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("error quotes the password: %v", err)
		}
	}
	if n := count.Load() - before; n != 0 {
		t.Errorf("%d computations for what cannot be a password", n)
	}
}

const goodSalt, goodSum = "c2FsdHNhbHRzYWx0c2FsdA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestParsePHC(t *testing.T) {
	tests := []struct {
		hash string
		ok   bool
	}{
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum, true},
		{"$argon2id$v=19$m=8,t=1,p=1$" + goodSalt + "$" + goodSum, true},
		{"$argon2id$v=19$m=65536,t=3,p=4$" + goodSalt + "$" + goodSum, true},
		{"$argon2id$v=19$m=262144,t=4,p=16$" + goodSalt + "$" + goodSum, true},
		{"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", true}, // 8 and 16 bytes
		// costs
		{"$argon2id$v=19$m=262145,t=1,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=262144,t=5,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=4294967295,t=4294967295,p=255$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=8,t=4294967295,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=4294967296,t=1,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=65536,t=3,p=17$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=65536,t=3,p=256$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=65536,t=3,p=0$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=65536,t=0,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=0,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=15,t=2,p=2$" + goodSalt + "$" + goodSum, false},
		// form
		{"", false},
		{"$", false},
		{"$argon2i$v=19$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=16$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$t=2,m=19456,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=19456,t=2$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=19456,t=2,p=1,keyid=AA$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=019456,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=+19456,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=-1,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt, false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum + "$", false},
		// base64
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "==$" + goodSum + "=", false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "\n$" + goodSum, false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum[:42] + "B", false}, // unused bits
		{"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAA$" + goodSum, false},                  // 7 bytes
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$AAAAAAAAAAAAAAAAAAAA", false},  // 15 bytes
		{"$argon2id$v=19$m=19456,t=2,p=1$$", false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + strings.Repeat("A", 88) + "$" + goodSum, false}, // 66 bytes
		{"$argon2id$v=19$m=19456,t=2,p=1$" + strings.Repeat("A", 1<<20), false},
	}
	h := &Hasher{}
	count := cheap(h)
	for _, test := range tests {
		before := count.Load()
		parsed, err := parsePHC(test.hash)
		if (err == nil) != test.ok || err != nil && !errors.Is(err, ErrHash) {
			t.Errorf("%.100s: %v, want ok %v", test.hash, err, test.ok)
		}
		if err == nil && parsed.String() != test.hash {
			t.Errorf("%s became %s", test.hash, parsed)
		}
		err = h.Verify(background, test.hash, "password")
		if worked := count.Load() != before; worked != test.ok || errors.Is(err, ErrHash) == test.ok {
			t.Errorf("%.100s: Verify: %v, computed %v", test.hash, err, worked)
		}
		if err != nil && strings.Contains(err.Error(), goodSum[:20]) {
			t.Errorf("error quotes the hash: %v", err)
		}
	}
}

// The longest hash within the bounds is not longer than maxPHC.
func TestLongestPHC(t *testing.T) {
	long := phc{Params{Memory: maxMemory, Time: maxWork / maxMemory, Threads: maxThreads}, make([]byte, maxSalt), make([]byte, maxSum)}
	if _, err := parsePHC(long.String()); err != nil {
		t.Error(err)
	}
}

func FuzzPHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2i$v=19$m=0,t=00,p=-1$$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parsePHC(s)
		if err != nil {
			want(t, s, err, ErrHash)
			return
		}
		if h.String() != s {
			t.Errorf("%q is read as %q", s, h)
		}
		if err := h.params.check(); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func TestParamsOutOfBounds(t *testing.T) {
	for _, p := range []Params{{Memory: maxMemory + 1}, {Time: 1 << 31}, {Threads: 200}, {Memory: 1}} {
		h := &Hasher{Params: p}
		count := cheap(h)
		_, err := h.Hash(background, "password")
		want(t, fmt.Sprint(p), err, ErrHash)
		if count.Load() != 0 {
			t.Errorf("%v: computed", p)
		}
	}
}

// Never more than Slots at a time, never more than Queue waiting, and every
// waiting caller gives up when its context ends.
func TestHasherIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Hasher{Slots: 2, Queue: 3}
		running, finish := make(chan struct{}, 10), make(chan struct{})
		h.derive = func(Params, []byte, []byte, int) []byte {
			running <- struct{}{}
			<-finish
			return make([]byte, newSum)
		}
		results := make(chan error, 10)
		hash := func(ctx context.Context) {
			_, err := h.Hash(ctx, "password")
			results <- err
		}
		for range 4 {
			go hash(background)
		}
		synctest.Wait() // two run, two wait
		limited, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		go hash(limited)
		synctest.Wait()
		go hash(background) // the queue is full
		synctest.Wait()
		if n := len(running); n != 2 {
			t.Errorf("%d at a time", n)
		}
		if err := <-results; !errors.Is(err, ErrBusy) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("full queue: %v", err)
		}
		if err := <-results; !errors.Is(err, ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended context: %v", err)
		}
		close(finish)
		for range 4 {
			must(t, <-results)
		}
		ended, cancel := context.WithCancel(background)
		cancel()
		_, err := h.Hash(ended, "password")
		want(t, "context that had ended", err, ErrBusy)
		if len(h.slots) != 0 || h.waiting.Load() != 0 {
			t.Errorf("left %d slots taken, %d waiting", len(h.slots), h.waiting.Load())
		}
	})
}

func TestGenerate(t *testing.T) {
	seen := map[rune]bool{}
	for range 200 {
		p := Generate()
		groups := strings.Split(p, "-")
		if len(groups) != 4 || len(p) != 23 || strings.Trim(p, readable+"-") != "" {
			t.Fatalf("password %q", p)
		}
		for _, r := range p {
			seen[r] = true
		}
		must(t, checkPassword(p))
	}
	if len(seen) != len(readable)+1 {
		t.Errorf("%d of %d characters occur", len(seen)-1, len(readable))
	}
	if first, second := Generate(), Generate(); first == second {
		t.Error("twice the same password")
	}
}

func BenchmarkHash(b *testing.B) {
	var h Hasher
	for b.Loop() {
		if _, err := h.Hash(background, "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}
