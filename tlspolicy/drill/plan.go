package drill

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Plan is the list of a drill's steps, in the order in which they are done.
type Plan struct {
	Started  time.Time // zero: it has not begun
	Finished time.Time // zero: it is not complete
	Steps    []Step
	LeftOut  []Phase // for which the [Drill] has nobody
}

// Step is one thing to do.
type Step struct {
	Phase  Phase
	Item   string    // name of the certificate; "" where a phase has one step
	About  string    // for people: names and services of the certificate
	Done   time.Time // zero: it is not done
	Note   string    // what the log says about it when it is done
	Failed string    // why the last try failed, if it is not done
}

// WriteTo writes the plan for people: a line a step.
func (p *Plan) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	switch {
	case p.Started.IsZero():
		b.WriteString("drill: not begun; this would be done:\n")
	case p.Finished.IsZero():
		fmt.Fprintf(&b, "drill: begun %s, not complete\n", p.Started.Format(time.RFC3339))
	default:
		fmt.Fprintf(&b, "drill: begun %s, complete %s\n", p.Started.Format(time.RFC3339), p.Finished.Format(time.RFC3339))
	}
	for _, s := range p.Steps {
		b.WriteString(s.String() + "\n")
	}
	for _, phase := range p.LeftOut {
		fmt.Fprintf(&b, "  left out  %s: there is nobody to do it\n", phase)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// String returns one line for people.
func (s Step) String() string {
	word, more := "to do", s.Failed
	if !s.Done.IsZero() {
		word, more = "done", s.Note
	} else if more != "" {
		word = "FAILED"
	}
	line := fmt.Sprintf("  %-8s  %s", word, describe[s.Phase])
	for _, x := range []string{s.Item, s.About} {
		if x != "" {
			line += "  " + x
		}
	}
	if more != "" {
		line += ": " + more
	}
	return line
}
