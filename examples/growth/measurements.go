package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// A measurement is one curve. They are made in the order of the table, on one bed.
type measurement struct {
	name string
	unit string
	run  func(*bed) (float64, error)
}

var measurements = []measurement{
	{"open the unit, page cache dropped", "ms", (*bed).openCold},
	{"first SELECT after it", "ms", (*bed).selectCold},
	{"memory, one session", "B/message", (*bed).memoryOne},
	{"memory, twenty more sessions", "B/message", (*bed).memoryMore},
	{"another SELECT", "ms", (*bed).selectWarm},
	{"FETCH 1:* (UID FLAGS)", "ms", timed("FETCH 1:* (UID FLAGS)")},
	{"UID SEARCH UNSEEN FLAGGED", "ms", timed("UID SEARCH UNSEEN FLAGGED")},
	{"UID SEARCH SUBJECT", "ms", timed(`UID SEARCH SUBJECT "letter 77"`)},
	{"APPEND, times that to an empty mailbox", "x", beside(appendOne)},
	{"STORE, times that in an empty mailbox", "x", beside(storeOne)},
	{"EXPUNGE, times that in an empty mailbox", "x", beside(expungeOne)},
	{"memory, account idle", "B/message", (*bed).memoryIdle},
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (b *bed) openCold() (float64, error) {
	if err := evict(b.mail()); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := b.open(); err != nil {
		return 0, err
	}
	return ms(time.Since(began)), b.serve()
}

// selectCold is the first SELECT: nothing of the mailbox has been read yet.
func (b *bed) selectCold() (float64, error) {
	s, err := b.login()
	if err != nil {
		return 0, err
	}
	heapBefore = heap()
	began := time.Now()
	err = s.do("SELECT INBOX")
	return ms(time.Since(began)), err
}

// heapBefore is the memory in use before the mailbox was opened.
var heapBefore uint64

// heap is the memory in use. What is kept between uses is let go by the second collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (b *bed) perMessage() float64 { return (float64(heap()) - float64(heapBefore)) / float64(b.size) }

func (b *bed) memoryOne() (float64, error) { return b.perMessage(), nil }

func (b *bed) memoryMore() (float64, error) {
	for range 20 {
		s, err := b.login()
		if err != nil {
			return 0, err
		}
		if err := s.do("SELECT INBOX"); err != nil {
			return 0, err
		}
	}
	return b.perMessage(), nil
}

func (b *bed) selectWarm() (float64, error) { return timed("SELECT INBOX")(b) }

// timed returns a measurement of one command, the median of five.
func timed(command string) func(*bed) (float64, error) {
	return func(b *bed) (float64, error) {
		return median(5, func() error { return b.sessions[0].do(command) })
	}
}

func median(n int, do func() error) (float64, error) {
	var times []time.Duration
	for range n {
		began := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return ms(times[n/2]), nil
}

// beside returns how many times as long something takes in INBOX as in Archive, which has next to no messages: medians of a hundred
// each, in turn, so that the disk is the same for both.
func beside(do func(s *session, mailbox string, i int) error) func(*bed) (float64, error) {
	return func(b *bed) (float64, error) {
		full, empty := b.sessions[0], b.sessions[1]
		if err := full.do("SELECT INBOX"); err != nil {
			return 0, err
		}
		if err := empty.do("SELECT Archive"); err != nil {
			return 0, err
		}
		const n = 101
		var times [2][]time.Duration
		for i := range n {
			for k, s := range []*session{full, empty} {
				began := time.Now()
				if err := do(s, []string{"INBOX", "Archive"}[k], i); err != nil {
					return 0, err
				}
				times[k] = append(times[k], time.Since(began))
			}
		}
		slices.Sort(times[0])
		slices.Sort(times[1])
		return float64(times[0][n/2]) / float64(times[1][n/2]), nil
	}
}

func appendOne(s *session, mailbox string, i int) error {
	text := letter(i)
	return s.do(fmt.Sprintf("APPEND %s {%d+}\r\n%s", mailbox, len(text), text))
}

func storeOne(s *session, _ string, i int) error {
	return s.do("STORE 1 " + []string{"+", "-"}[i%2] + `FLAGS.SILENT (\Flagged)`)
}

// expungeOne marks and removes the last message; only appendOne's are there in Archive.
func expungeOne(s *session, _ string, _ int) error {
	if err := s.do(`STORE * +FLAGS.SILENT (\Deleted)`); err != nil {
		return err
	}
	return s.do("EXPUNGE")
}

// memoryIdle is what is left when nobody has the account open and all of it is in its files.
func (b *bed) memoryIdle() (float64, error) {
	b.hangUp()
	if err := b.server.Shutdown(context.Background()); err != nil {
		return 0, err
	}
	b.server = nil
	for range 3 { // the first brings the files up to date, a later one lets go of what is in them
		if err := b.unit.Checkpoint(context.Background()); err != nil {
			return 0, err
		}
	}
	return b.perMessage(), nil
}
