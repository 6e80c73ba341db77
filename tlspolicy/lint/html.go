package lint

import (
	_ "embed"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

//go:embed report.html
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"day": func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
}).Parse(pageText))

// HTML writes reports as a page for people that needs nothing else, no script, no
// file, no request: a timeline of expiries around the time now, what ends first
// at the top, and what each certificate is.
func HTML(w io.Writer, reports []*Report, now time.Time) error {
	byEnd := sorted(reports)
	t := newTimeline(byEnd, now)
	rows := make([]row, 0, len(byEnd))
	for _, r := range byEnd {
		rows = append(rows, t.row(r))
	}
	return page.Execute(w, struct {
		Now    time.Time
		Today  float64
		Months []tick
		Rows   []row
	}{now, t.at(now), t.months(), rows})
}

// sorted returns reports by the end of their certificates.
func sorted(reports []*Report) []*Report {
	return slices.SortedStableFunc(slices.Values(reports), func(x, y *Report) int { return x.Leaf.NotAfter.Compare(y.Leaf.NotAfter) })
}

const (
	maxBefore = 60 * 24 * time.Hour  // what a timeline shows of the past
	maxAfter  = 400 * 24 * time.Hour // and of the future: a little more than the longest life
)

// timeline is the time that is shown. Places on it are percents of its length.
type timeline struct{ now, from, to time.Time }

// newTimeline shows the present and all ends that are not too far from it.
func newTimeline(reports []*Report, now time.Time) timeline {
	t := timeline{now, now.Add(-maxBefore / 2), now.Add(maxBefore / 2)}
	for _, r := range reports {
		if end := r.Leaf.NotAfter; end.Before(t.from) {
			t.from = end
		} else if end.After(t.to) {
			t.to = end
		}
	}
	if earliest := now.Add(-maxBefore); t.from.Before(earliest) {
		t.from = earliest
	}
	if latest := now.Add(maxAfter); t.to.After(latest) {
		t.to = latest
	}
	return t
}

// at returns the place of a time; those outside are at the edges.
func (t timeline) at(x time.Time) float64 {
	return min(100, max(0, 100*float64(x.Sub(t.from))/float64(t.to.Sub(t.from))))
}

type tick struct {
	At   float64
	Name string
}

// months returns the beginnings of months.
func (t timeline) months() (ticks []tick) {
	year, month, _ := t.from.UTC().Date()
	for {
		month++
		begin := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
		if !begin.Before(t.to) {
			return ticks
		}
		ticks = append(ticks, tick{t.at(begin), begin.Format("Jan 06")})
	}
}

// row is one certificate on the page.
type row struct {
	*Report
	Names      string
	Key        string
	State      string // the class of the worst finding: "error", "warning" or "good"
	Days       int    // until the end; negative after it
	From, Size float64
}

func (t timeline) row(r *Report) row {
	from := t.at(r.Leaf.NotBefore)
	x := row{Report: r, Names: strings.Join(r.Leaf.DNSNames, ", "), Key: r.Leaf.PublicKeyAlgorithm.String(), State: "good",
		Days: int(math.Floor(r.Leaf.NotAfter.Sub(t.now).Hours() / 24)), From: from, Size: max(0.4, t.at(r.Leaf.NotAfter)-from)}
	for _, ip := range r.Leaf.IPAddresses {
		x.Names = strings.TrimPrefix(x.Names+", "+ip.String(), ", ")
	}
	for _, f := range r.Findings {
		if !f.Allowed && (f.Level == Error || f.Level == Warning && x.State == "good") {
			x.State = f.Level.String()
		}
	}
	return x
}
