package main

import (
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
)

// table has a column for each size.
type table struct {
	sizes   []int
	columns []map[string]float64
}

func (t *table) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, size := range t.sizes {
		fmt.Fprintf(w, "\t%d", size)
	}
	fmt.Fprint(w, "\t\n")
	for _, m := range measurements {
		fmt.Fprintf(w, "%s [%s]", m.name, m.unit)
		for _, column := range t.columns {
			fmt.Fprintf(w, "\t%.2f", column[m.name])
		}
		fmt.Fprint(w, "\t\n")
	}
	w.Flush()
	return b.String()
}

// The plot has small drawings of one curve each, both axes logarithmic.
const (
	cellWidth, cellHeight = 300, 190
	perRow                = 3
	left, right           = 55, 15
	top, bottom           = 40, 30
)

func (t *table) plot() string {
	rows := (len(measurements) + perRow - 1) / perRow
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n",
		perRow*cellWidth, rows*cellHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	for i, m := range measurements {
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", i%perRow*cellWidth, i/perRow*cellHeight)
		t.curve(&b, m)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// curve draws one measurement.
func (t *table) curve(b *strings.Builder, m measurement) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, column := range t.columns {
		v := max(column[m.name], 0.01)
		low, high = min(low, v), max(high, v)
	}
	low, high = math.Floor(math.Log10(low)), math.Ceil(math.Log10(high)+1e-9)
	if high == low {
		high++
	}
	first, last := math.Log10(float64(t.sizes[0])), math.Log10(float64(t.sizes[len(t.sizes)-1]))
	x := func(size int) float64 {
		return left + (math.Log10(float64(size))-first)/max(last-first, 1e-9)*(cellWidth-left-right)
	}
	y := func(log10 float64) float64 {
		return cellHeight - bottom - (log10-low)/(high-low)*(cellHeight-top-bottom)
	}
	fmt.Fprintf(b, `<text x="10" y="20" font-weight="bold">%s [%s]</text>`+"\n", m.name, m.unit)
	for p := low; p <= high; p++ {
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			left, y(p), cellWidth-right, left-5, y(p)+4, math.Pow(10, p))
	}
	var line strings.Builder
	for i, size := range t.sizes {
		v := t.columns[i][m.name]
		px, py := x(size), y(math.Log10(max(v, 0.01)))
		fmt.Fprintf(&line, "%.1f,%.1f ", px, py)
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="#06c"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="#06c">%.3g</text>`+"\n",
			px, py, px, py-7, v)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", px, cellHeight-10, short(size))
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="#06c"/>`+"\n", line.String())
}

func short(n int) string {
	switch {
	case n >= 1e6 && n%1e6 == 0:
		return fmt.Sprintf("%dM", n/1e6)
	case n >= 1e3 && n%1e3 == 0:
		return fmt.Sprintf("%dk", n/1e3)
	}
	return fmt.Sprint(n)
}
