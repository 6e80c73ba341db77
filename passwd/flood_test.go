package passwd

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhavn/mailhavn/passwd/hash"
)

// Ten thousand logins at a time cost the memory of the slots, not theirs; those that find no place are told so at once.
func TestFlood(t *testing.T) {
	h := &Hasher{Params: Params{Memory: 256, Time: 1}, Slots: 2}
	stored, err := h.Hash(background, "secret")
	must(t, err)
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var busy, wrong atomic.Int64
	var wait sync.WaitGroup
	for range 10_000 {
		wait.Go(func() {
			ctx, cancel := context.WithTimeout(background, time.Minute)
			defer cancel()
			switch err := h.Verify(ctx, stored, "wrong"); {
			case errors.Is(err, ErrBusy):
				busy.Add(1)
			case errors.Is(err, ErrCredentials):
				wrong.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wait.Wait()
	runtime.ReadMemStats(&now)
	t.Logf("%d refused as busy, %d checked; %d MiB of the system", busy.Load(), wrong.Load(), (now.Sys-before.Sys)>>20)
	if wrong.Load() == 0 || busy.Load()+wrong.Load() != 10_000 {
		t.Errorf("%d busy, %d checked", busy.Load(), wrong.Load())
	}
	if grown := int64(now.Sys) - int64(before.Sys); grown > 100<<20 {
		t.Errorf("%d MiB more", grown>>20)
	}
	must(t, h.Verify(background, stored, "secret"))
}

// home is a Guard that knows one address of everybody.
type home struct{ net.Addr }

func (h home) Begin(a Attempt) (bool, func(error), error) {
	return a.Remote == h.Addr, func(error) {}, nil
}

// While an attacker has all places that strangers can have, owners log in from where they are known within the time of a few hashes, and
// strangers are served too. Time is that of the bubble: a hash takes 100 milliseconds of it.
func TestKnownDuringFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const oneHash = 100 * time.Millisecond
		h := &Hasher{Slots: 2, derive: func(_ Params, _, _ []byte, size int) []byte {
			time.Sleep(oneHash)
			return make([]byte, size)
		}}
		text, err := h.Hash(background, "secret")
		must(t, err)
		stored, err := hash.Parse(text)
		must(t, err)
		known := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 1}
		a := &Authenticator{Hasher: h, Guard: home{known}, Users: single{Record{User: User{Name: "anna", State: Active}, Hash: stored}}}
		try := func(remote net.Addr) error {
			server, _, err := a.Start(background, "PLAIN", remote, withTLS)
			must(t, err)
			_, _, err = server.Next([]byte("\x00anna\x00secret"))
			return err
		}
		var checked, busy atomic.Int64
		stop := make(chan struct{})
		var flood, owners sync.WaitGroup
		for range 60 {
			flood.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if err := try(somewhere); errors.Is(err, ErrBusy) {
						busy.Add(1)
						time.Sleep(oneHash)
					} else {
						checked.Add(1)
					}
				}
			})
		}
		synctest.Wait()
		var longest time.Duration
		for range 100 {
			began := time.Now()
			must(t, try(known))
			longest = max(longest, time.Since(began))
			time.Sleep(30 * time.Millisecond)
		}
		t.Logf("an owner waited %s at most; of the flood %d were checked and %d refused", longest, checked.Load(), busy.Load())
		if longest > 4*oneHash {
			t.Errorf("an owner waited for %s", longest)
		}
		if checked.Load() < 50 || busy.Load() < 1000 {
			t.Errorf("of the flood %d were checked and %d refused", checked.Load(), busy.Load())
		}
		began := time.Now()
		for range 32 { // as many as have places
			owners.Go(func() {
				if err := try(known); err != nil {
					t.Error(err)
				}
			})
		}
		owners.Wait()
		if d := time.Since(began); d > 24*oneHash { // 32 hashes in three quarters of two slots, and what ran before
			t.Errorf("32 owners waited for %s", d)
		}
		close(stop)
		flood.Wait()
	})
}

// single is one user, whatever the name.
type single struct{ Record }

func (s single) Get(context.Context, string) (Record, error) { return s.Record, nil }

func (s single) Update(context.Context, string, func(*Record) error) error { return nil }
