package passwd

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
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
