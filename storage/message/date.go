package message

// Date is the moment in a Date field, with the zone it was written in.
type Date struct {
	Unix int64 // seconds since 1970-01-01 00:00 UTC
	Zone int   // minutes east of UTC
}

// Day is the date as it was written, without regard to its zone, in days since 1970-01-01: what
// SENTBEFORE, SENTON and SENTSINCE compare (RFC 9051, section 6.4.4).
func (d Date) Day() int64 {
	sec := d.Unix + int64(d.Zone)*60
	day := sec / 86400
	if sec%86400 < 0 {
		day--
	}
	return day
}

const monthNames = "janfebmaraprmayjunjulaugsepoctnovdec"

// ParseDate reads the body of a Date field (RFC 5322, sections 3.3 and 4.3). An unknown zone
// counts as UTC; a day of the week is not checked.
func ParseDate(body []byte) (Date, bool) {
	d := dateReader{lexer: lexer{in: body}}
	d.skip()
	return d.date()
}

type dateReader struct {
	lexer
	buf [40]byte
}

// word reads the next atom; it is empty if there is none or if it is too long for a date.
func (d *dateReader) word() []byte {
	word, st := d.atom(d.buf[:0])
	if st == bad || len(word) > len(d.buf) {
		return nil
	}
	return word
}

// number reads an atom of 1 to 4 digits.
func (d *dateReader) number() (n, digits int, ok bool) {
	return digitsOf(d.word())
}

func digitsOf(word []byte) (n, digits int, ok bool) {
	for _, c := range word {
		if c < '0' || c > '9' {
			return 0, 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(word), len(word) >= 1 && len(word) <= 4
}

func (d *dateReader) date() (Date, bool) {
	word := d.word()
	if len(word) == 3 { // day of the week
		if !d.at(',') {
			return Date{}, false
		}
		d.pos++
		d.skip()
		word = d.word()
	}
	day, digits, ok := digitsOf(word)
	if !ok || digits > 2 {
		return Date{}, false
	}
	month := d.month()
	year, digits, ok := d.number()
	switch {
	case !ok, digits != 2 && digits != 4, month == 0:
		return Date{}, false
	case digits == 2 && year < 70:
		year += 2000
	case digits == 2:
		year += 1900
	case year < 1900:
		return Date{}, false
	}
	sec, ok := d.clock()
	if !ok || day < 1 || day > daysIn(month, year) {
		return Date{}, false
	}
	zone := zoneOffset(d.word())
	return Date{daysSince1970(year, month, day)*86400 + sec - int64(zone)*60, zone}, true
}

// month reads the name of a month, of which three letters count, as a number from 1.
func (d *dateReader) month() int {
	word := d.word()
	if len(word) < 3 {
		return 0
	}
	for m := range 12 {
		if equalFold(word[:3], monthNames[3*m:3*m+3]) {
			return m + 1
		}
	}
	return 0
}

// clock reads "hh:mm[:ss]", also with dots, as seconds of the day.
func (d *dateReader) clock() (sec int64, ok bool) {
	hour, digits, ok := d.number()
	if !ok || digits > 2 || !d.colon() {
		return 0, false
	}
	minute, digits, ok := d.number()
	if !ok || digits != 2 {
		return 0, false
	}
	second := 0
	if d.colon() {
		if second, digits, ok = d.number(); !ok || digits != 2 {
			return 0, false
		}
	}
	if hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	return int64(hour*3600 + minute*60 + min(second, 59)), true
}

func (d *dateReader) colon() bool {
	if !d.at(':') && !d.at('.') {
		return false
	}
	d.pos++
	d.skip()
	return true
}

// namedZones are those of RFC 5322, section 4.3, in hours.
var namedZones = []struct {
	name string
	hour int
}{
	{"edt", -4}, {"est", -5}, {"cdt", -5}, {"cst", -6}, {"mdt", -6}, {"mst", -7}, {"pdt", -7}, {"pst", -8},
}

// zoneOffset is the offset of a zone in minutes, 0 if it is unknown.
func zoneOffset(word []byte) int {
	if len(word) == 5 && (word[0] == '+' || word[0] == '-') {
		n, _, ok := digitsOf(word[1:])
		if !ok {
			return 0
		}
		offset := n/100*60 + n%100
		if word[0] == '-' {
			return -offset
		}
		return offset
	}
	for _, z := range namedZones {
		if equalFold(word, z.name) {
			return z.hour * 60
		}
	}
	return 0
}

func daysIn(month, year int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSince1970 counts days in the Gregorian calendar; years begin in March so that the leap day
// is their last.
func daysSince1970(year, month, day int) int64 {
	if month < 3 {
		year--
		month += 12
	}
	y := int64(year)
	return y*365 + y/4 - y/100 + y/400 + int64((153*(month-3)+2)/5+day-1) - 719468
}
