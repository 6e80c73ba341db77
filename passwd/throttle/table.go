package throttle

import (
	"encoding/binary"
	"io"
	"time"
)

// table counts by keys, within a fixed memory: a key has a few slots in which it may be; when all are taken by others, it takes that with the
// smallest count.
type table struct {
	sets [][ways]slot
}

const ways = 4

// slot counts the attempts of a key in the last minute and day in which there were any. The zero value is free.
type slot struct {
	Tag       uint32 // more bits of the key
	Minute    uint32 // since 1970
	Day       uint16
	PerMinute uint16
	PerDay    uint16
	_         uint16
}

func newTable(slots int) table { return table{make([][ways]slot, slots/ways)} }

// at returns the slot of a key, with the counts of past minutes and days at zero.
func (t *table) at(key uint64, now time.Time) *slot {
	set := &t.sets[key%uint64(len(t.sets))]
	tag := uint32(key>>32) | 1 // never 0
	day := dayOf(now)
	best := &set[0]
	for i := range set {
		s := &set[i]
		if s.Day != day {
			s.PerDay = 0
		}
		if s.Tag == tag {
			s.roll(now)
			return s
		}
		if s.PerDay < best.PerDay {
			best = s
		}
	}
	*best = slot{Tag: tag}
	best.roll(now)
	return best
}

// has reports whether a key was counted today, without giving it a slot.
func (t *table) has(key uint64, now time.Time) bool {
	tag := uint32(key>>32) | 1
	for _, s := range t.sets[key%uint64(len(t.sets))] {
		if s.Tag == tag && s.Day == dayOf(now) && s.PerDay > 0 {
			return true
		}
	}
	return false
}

// roll begins a new minute or day. The last minute in which something was counted stays known.
func (s *slot) roll(now time.Time) {
	if s.Minute != minuteOf(now) {
		s.PerMinute = 0
	}
	if s.Day != dayOf(now) {
		s.PerDay = 0
	}
}

func (s *slot) count(now time.Time, day bool) {
	s.Minute, s.Day = minuteOf(now), dayOf(now)
	s.PerMinute = min(s.PerMinute+1, 1<<15)
	if day {
		s.PerDay = min(s.PerDay+1, 1<<15)
	}
}

func (s *slot) refund(day bool) {
	s.PerMinute = max(s.PerMinute, 1) - 1
	if day {
		s.PerDay = max(s.PerDay, 1) - 1
	}
}

func minuteOf(t time.Time) uint32 { return uint32(t.Unix() / 60) }
func dayOf(t time.Time) uint16    { return uint16(t.Unix() / (24 * 60 * 60)) }

// write stores the slots that count something today: each with its place.
func (t *table) write(w io.Writer, now time.Time) error {
	for i := range t.sets {
		for j, s := range t.sets[i] {
			if s.PerDay == 0 || s.Day != dayOf(now) {
				continue
			}
			if err := binary.Write(w, binary.LittleEndian, struct {
				Place uint32
				Slot  slot
			}{uint32(i*ways + j), s}); err != nil {
				return err
			}
		}
	}
	return binary.Write(w, binary.LittleEndian, uint32(end))
}

const end = 1<<32 - 1

func (t *table) read(r io.Reader) error {
	for {
		var place uint32
		if err := binary.Read(r, binary.LittleEndian, &place); err != nil {
			return err
		}
		if place == end {
			return nil
		}
		var s slot
		if err := binary.Read(r, binary.LittleEndian, &s); err != nil {
			return err
		}
		if int(place) < len(t.sets)*ways {
			t.sets[place/ways][place%ways] = s
		}
	}
}
