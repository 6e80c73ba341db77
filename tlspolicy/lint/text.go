package lint

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
)

// Text writes reports for people, what ends first at the top. Control characters
// of certificates are written escaped.
func Text(w io.Writer, reports []*Report) error {
	var b strings.Builder
	for _, r := range sorted(reports) {
		fmt.Fprintf(&b, "%s  until %s, %s", printable(subject(r.Leaf)), r.Leaf.NotAfter.UTC().Format(time.DateOnly), cmp.Or(string(r.Class), "no class"))
		if r.File != "" {
			fmt.Fprintf(&b, ", %s", printable(r.File))
		}
		b.WriteString("\n")
		for _, f := range r.Findings {
			level := f.Level.String()
			if f.Allowed {
				level += " (allowed)"
			}
			fmt.Fprintf(&b, "  %s: %s: %s; %s\n", level, f.Name, printable(f.Detail), printable(f.Fix))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printable(s string) string {
	quoted := fmt.Sprintf("%+q", s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
