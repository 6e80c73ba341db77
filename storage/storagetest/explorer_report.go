package storagetest

import (
	"fmt"
	"strings"
)

// Counts says how many states were opened and checked.
type Counts struct {
	Programs int // runs
	Moments  int // of which states were taken
	Cut      int // after a power cut
	Killed   int // after kill -9
	Recovery int // after a power cut during a recovery
	Served   int // after a power cut after a recovery, while the unit served again
	Later    int // after a power cut after a recovery, when the unit had taken more
	Stumbled int // after a power cut and an opening that met a fault
}

// States is the number of all crash states.
func (c Counts) States() int { return c.Cut + c.Killed + c.Recovery + c.Served + c.Later + c.Stumbled }

func (c Counts) String() string {
	return fmt.Sprintf("%d crash states in %d runs at %d moments: %d power cuts, %d kills, %d power cuts during recovery, %d after it, %d after more work, %d faults in recovery",
		c.States(), c.Programs, c.Moments, c.Cut, c.Killed, c.Recovery, c.Served, c.Later, c.Stumbled)
}

// Violation is a broken promise.
type Violation struct {
	Programs []Program
	Seed     uint64
	At       []int    // how many steps of each program were acknowledged
	How      []string // what befell the unit, in order
	What     string
	Origin   string // which outcomes the last power cut chose
	Ops      []Op   // the last changes of the disk before
	Since    []Op   // the changes since
}

func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nafter: %s\nseed %d\n", v.What, strings.Join(v.How, ", then "), v.Seed)
	for i, p := range v.Programs {
		fmt.Fprintf(&b, "program %d:\n", i)
		for j, step := range p {
			mark := ""
			if i < len(v.At) {
				switch {
				case j < v.At[i]:
					mark = "acknowledged"
				case j == v.At[i]:
					mark = "under way"
				}
			}
			fmt.Fprintf(&b, "  %-50s %s\n", step, mark)
		}
	}
	for _, op := range v.Ops {
		fmt.Fprintf(&b, "disk %s\n", op)
	}
	if v.Origin != "" {
		fmt.Fprintf(&b, "the power cut decided:\n%s", v.Origin)
	}
	for _, op := range v.Since {
		fmt.Fprintf(&b, "then %s\n", op)
	}
	return b.String()
}
