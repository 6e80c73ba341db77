package storagetest

import (
	"errors"
	"slices"
)

// Minimise looks for a shorter way to a violation: it leaves out steps for as long as run still leads to one, trying each
// several times, since goroutines do not repeat themselves. It returns the best violation found, v at worst.
func Minimise(v *Violation, run func(...Program) error) *Violation {
	for size := longest(v.Programs) / 2; size > 0; size /= 2 {
		for i := range v.Programs {
			for from := 0; from < len(v.Programs[i]); {
				if shorter := v.without(run, i, from, size); shorter != nil {
					v = shorter
				} else {
					from += size
				}
			}
		}
	}
	return v
}

func longest(programs []Program) int {
	n := 0
	for _, p := range programs {
		n = max(n, len(p))
	}
	return n
}

// attempts is how often a shorter program may go well before it is given up.
const attempts = 5

// without tries the programs without some steps of one of them.
func (v *Violation) without(run func(...Program) error, i, from, n int) *Violation {
	programs := slices.Clone(v.Programs)
	p := programs[i]
	programs[i] = slices.Concat(p[:from], p[min(from+n, len(p)):])
	for range attempts {
		err := run(programs...)
		if shorter := (*Violation)(nil); errors.As(err, &shorter) {
			return shorter
		}
	}
	return nil
}
