package lint_test

import (
	"bytes"
	"crypto/x509"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
	"github.com/mailhavn/mailhavn/tlspolicy/lint"
)

func TestHTML(t *testing.T) {
	now := time.Date(2030, 6, 15, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	var reports []*lint.Report
	for name, life := range map[string][2]time.Duration{"later.example": {-10 * day, 80 * day}, "expired.example": {-100 * day, -day}, "<script>.example": {-80 * day, 3 * day}, "far.example": {0, 5000 * day}} {
		leaf := testca.Issue(t, nil, testca.ECDSA(t), func(c *x509.Certificate) {
			c.DNSNames, c.Subject.CommonName = nil, name
			if !strings.HasPrefix(name, "<") {
				c.DNSNames = []string{name}
			}
			c.NotBefore, c.NotAfter = now.Add(life[0]), now.Add(life[1])
		})
		r, err := lint.Check([]*x509.Certificate{leaf.Cert}, lint.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		r.File = "/etc/" + name
		reports = append(reports, r)
	}
	var out bytes.Buffer
	if err := lint.HTML(&out, reports, now); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	last := 0
	for _, want := range []string{"/etc/expired.example", "/etc/&lt;script&gt;.example", "/etc/later.example", "/etc/far.example"} {
		i := strings.Index(text, want)
		if i <= last {
			t.Errorf("%s is missing or not in its place", want)
		}
		last = i
	}
	for _, want := range []string{"Jun 30", `title="2030-06-15"`, "<br>expired", "in 80 days", `class="error"`, `class="warning"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, "<script") || strings.Contains(text, "http://") || strings.Contains(text, "src=") {
		t.Error("the page has markup of a certificate, or asks for more")
	}
	for _, place := range regexp.MustCompile(`(left|width):([0-9.e+-]+)%`).FindAllStringSubmatch(text, -1) {
		if at, err := strconv.ParseFloat(place[2], 64); err != nil || at < 0 || at > 100 {
			t.Errorf("%s is outside", place[0])
		}
	}
	if err := lint.HTML(&out, nil, now); err != nil {
		t.Error(err)
	}
}
