package audit

import (
	_ "embed"
	"html/template"
	"io"
	"time"
)

//go:embed report.html
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"day": func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
}).Parse(pageText))

// HTML writes the report as a page that needs nothing else: no script, no file,
// no request.
func (r *Report) HTML(w io.Writer) error {
	return page.Execute(w, struct {
		*Report
		ALPNText string
		Remarks  func(Suite) string
	}{Report: r, ALPNText: r.protocols(), Remarks: Suite.remarks})
}
