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

func TestParamsOutOfBounds(t *testing.T) {
	for _, p := range []Params{{Memory: 1 << 30}, {Time: 1 << 31}, {Threads: 200}, {Memory: 1}} {
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
			return make([]byte, 32)
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
		if q := &h.queue; q.free != 2 || len(q.known)+len(q.strangers) != 0 {
			t.Errorf("%d slots free, %d and %d waiting", q.free, len(q.known), len(q.strangers))
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
