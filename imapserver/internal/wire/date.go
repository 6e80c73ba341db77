package wire

import (
	"strings"
	"time"
)

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// scanMonth returns the month whose three letters b begins with, or 0.
func scanMonth(b []byte) time.Month {
	for m := time.January; m <= time.December && len(b) >= 3; m++ {
		if equalFold(b[:3], months[3*m-3:3*m]) {
			return m
		}
	}
	return 0
}

// scanDigits returns the number that exactly n digits at b[at:] write, or -1.
func scanDigits(b []byte, at, n int) int {
	if at+n > len(b) || span(b[at:at+n], digitChar) != n {
		return -1
	}
	v := 0
	for _, c := range b[at : at+n] {
		v = v*10 + int(c-'0')
	}
	return v
}

// scanDay reads -Mon-YYYY at b, of which day is the day, and says whether there is such a day.
func scanDay(b []byte, day int) (time.Time, bool) {
	if len(b) < 9 || b[0] != '-' || b[4] != '-' {
		return time.Time{}, false
	}
	month, year := scanMonth(b[1:4]), scanDigits(b, 5, 4)
	if month == 0 || year < 0 || day < 1 {
		return time.Time{}, false
	}
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return t, t.Day() == day
}

// Date reads a date such as 1-Feb-2026, quoted or not, and gives the midnight in UTC that it begins with.
func (d *Decoder) Date(dst *time.Time) bool {
	rest := d.rest()
	at := 0
	if len(rest) > 0 && rest[0] == '"' {
		at = 1
	}
	digits := 2
	if at+1 < len(rest) && rest[at+1] == '-' {
		digits = 1
	}
	day := scanDigits(rest, at, digits)
	if day < 0 {
		return false
	}
	t, ok := scanDay(rest[at+digits:], day)
	n := at + digits + len("-Jan-2006")
	if ok && at == 1 {
		ok = n < len(rest) && rest[n] == '"'
		n++
	}
	if !ok {
		return false
	}
	*dst = t
	d.pos += n
	return true
}

// ExpectDate is Date for one that must be there.
func (d *Decoder) ExpectDate(dst *time.Time) bool { return d.Date(dst) || d.Expected("a date") }

// DateTime reads a date-time such as " 1-Feb-2026 12:00:00 +0100", in its quotes (RFC 9051, section 2.3.3).
func (d *Decoder) DateTime(dst *time.Time) bool {
	const form = `" 2-Jan-2006 15:04:05 -0700"`
	rest, size := d.rest(), len(form)
	if d.ShortDates && len(rest) > 2 && rest[0] == '"' && span(rest[1:3], digitChar) == 1 {
		rest = append([]byte(`" `), rest[1:]...)
		size--
	}
	if len(rest) < len(form) {
		return false
	}
	rest = rest[:len(form)]
	for i, c := range []byte(form) {
		if strings.IndexByte(`":`, c) >= 0 && rest[i] != c || i > 2 && c == ' ' && rest[i] != ' ' {
			return false
		}
	}
	day := scanDigits(rest, 1, 2)
	if rest[1] == ' ' {
		day = scanDigits(rest, 2, 1)
	}
	t, ok := scanDay(rest[3:], day)
	hour, minute, second := scanDigits(rest, 13, 2), scanDigits(rest, 16, 2), scanDigits(rest, 19, 2)
	zone, ok2 := scanZone(rest[22:27])
	if !ok || !ok2 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return false
	}
	*dst = time.Date(t.Year(), t.Month(), day, hour, minute, second, 0, zone)
	d.pos += size
	return true
}

// ExpectDateTime is DateTime for one that must be there.
func (d *Decoder) ExpectDateTime(dst *time.Time) bool {
	return d.DateTime(dst) || d.Expected("a date and time")
}

// scanZone reads +hhmm or -hhmm.
func scanZone(b []byte) (*time.Location, bool) {
	hours, minutes := scanDigits(b, 1, 2), scanDigits(b, 3, 2)
	if b[0] != '+' && b[0] != '-' || hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return nil, false
	}
	offset := (hours*60 + minutes) * 60
	switch {
	case offset == 0:
		return time.UTC, true
	case b[0] == '-':
		offset = -offset
	}
	return time.FixedZone("", offset), true
}
