package zxcvbn

import "slices"

// recentYears finds the years 1900 to 2019.
func recentYears(pw []uint16) []*match {
	var found []*match
	for i := 0; i+4 <= len(pw); {
		y := pw[i : i+4]
		century := number(y[:2])
		if !every(y, isDigit) || century != 19 && (century != 20 || y[2] > '1') {
			i++
			continue
		}
		found = append(found, &match{pattern: RecentYear, i: i, j: i + 3, year: number(y)})
		i += 4
	}
	return found
}

// splits says, for dates of 4 to 8 digits without separators, where the second and the third number may begin.
var splits = [...][][2]int{
	4: {{1, 2}, {2, 3}},
	5: {{1, 3}, {2, 3}},
	6: {{1, 2}, {2, 4}, {4, 5}},
	7: {{1, 3}, {2, 3}, {4, 5}, {4, 6}},
	8: {{2, 4}, {4, 6}},
}

// dates finds days with month and year, in any order that has the year first or last.
func (a *analyst) dates(pw []uint16) []*match {
	var found []*match
	add := func(i, j, year int, separated bool) {
		found = append(found, &match{pattern: Date, i: i, j: j, year: year, separated: separated})
	}
	for i := range pw {
		for n := 4; n <= 8 && i+n <= len(pw) && every(pw[i:i+n], isDigit); n++ {
			if year, ok := a.compactDate(pw[i : i+n]); ok {
				add(i, i+n-1, year, false)
			}
		}
	}
	for i := range pw {
		for n := 6; n <= 10 && i+n <= len(pw); n++ {
			if year, ok := separatedDate(pw[i : i+n]); ok {
				add(i, i+n-1, year, true)
			}
		}
	}
	return inOrder(outermost(found))
}

// outermost leaves out dates that lie within another one.
func outermost(found []*match) []*match {
	inOrder(found)
	end := -1 // of those that begin before or here, the last
	var kept []*match
	for k, m := range found {
		if k+1 < len(found) && found[k+1].i == m.i || m.j <= end {
			continue // the last one that begins here is the longest
		}
		end = m.j
		kept = append(kept, m)
	}
	return kept
}

// compactDate reads 4 to 8 digits as the date that is nearest to the present year.
func (a *analyst) compactDate(digits []uint16) (year int, ok bool) {
	distance := func(y int) int { return max(y-a.year, a.year-y) }
	for _, s := range splits[len(digits)] {
		y, valid := date([3]int{number(digits[:s[0]]), number(digits[s[0]:s[1]]), number(digits[s[1]:])})
		if valid && (!ok || distance(y) < distance(year)) {
			year, ok = y, true
		}
	}
	return year, ok
}

// separatedDate reads three numbers with the same separator twice.
func separatedDate(token []uint16) (year int, ok bool) {
	first := slices.IndexFunc(token, isSeparator)
	if first < 1 || first > 4 {
		return 0, false
	}
	rest := token[first+1:]
	second := slices.Index(rest, token[first])
	if second < 1 || second > 2 {
		return 0, false
	}
	parts := [][]uint16{token[:first], rest[:second], rest[second+1:]}
	if n := len(parts[2]); n < 1 || n > 4 {
		return 0, false
	}
	var numbers [3]int
	for i, p := range parts {
		if !every(p, isDigit) {
			return 0, false
		}
		numbers[i] = number(p)
	}
	return date(numbers)
}

// isSeparator reports what may stand between the numbers of a date: punctuation, and what \s is in JavaScript.
func isSeparator(c uint16) bool {
	return slices.Contains([]uint16{'/', '\\', '_', '.', '-', ' ', '\t', '\n', '\v', '\f', '\r', 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff}, c) ||
		0x2000 <= c && c <= 0x200a
}

func number(digits []uint16) (n int) {
	for _, d := range digits {
		n = 10*n + int(d) - '0'
	}
	return n
}

// date returns the year of three numbers if they can be a date.
func date(n [3]int) (year int, ok bool) {
	const minYear, maxYear = 1000, 2050
	if n[1] > 31 || n[1] <= 0 {
		return 0, false
	}
	var over12, over31, under1 int
	for _, v := range n {
		if 99 < v && v < minYear || v > maxYear {
			return 0, false
		}
		if v > 31 {
			over31++
		}
		if v > 12 {
			over12++
		}
		if v <= 0 {
			under1++
		}
	}
	if over31 >= 2 || over12 == 3 || under1 >= 2 {
		return 0, false
	}
	// A number of four digits must be the year; then the others have to be day and month.
	ends := [2][3]int{{n[2], n[0], n[1]}, {n[0], n[1], n[2]}}
	for _, e := range ends {
		if e[0] >= minYear {
			return e[0], isDay(e[1], e[2])
		}
	}
	for _, e := range ends {
		if isDay(e[1], e[2]) {
			return fullYear(e[0]), true
		}
	}
	return 0, false
}

// isDay reports whether a and b are a day and a month in either order.
func isDay(a, b int) bool {
	fits := func(day, month int) bool { return 1 <= day && day <= 31 && 1 <= month && month <= 12 }
	return fits(a, b) || fits(b, a)
}

func fullYear(y int) int {
	switch {
	case y > 99:
		return y
	case y > 50:
		return y + 1900
	}
	return y + 2000
}
