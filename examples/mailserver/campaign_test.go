package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// After a leak everybody's old passwords, app passwords and sessions end, and it can be seen who is safe again.
func TestCampaign(t *testing.T) {
	a, kicked := newAdmin(t, vfs.NewMem())
	do := func(r request) (lines []string) {
		t.Helper()
		if err := a.do(t.Context(), r, func(l string) { lines = append(lines, l) }); err != nil {
			t.Fatal(err)
		}
		return lines
	}
	for _, name := range []string{"anna", "bob"} {
		do(request{Command: "add", Name: name, Password: "quiet lanterns"})
	}
	do(request{Command: "app-add", Name: "anna", App: &passwd.AppPassword{Name: "phone", Protocols: []string{"imap"}}})
	if l := do(request{Command: "app-list", Name: "anna"}); len(l) != 1 || !strings.Contains(l[0], "  for imap  ") {
		t.Errorf("%q", l)
	}
	*kicked = nil
	later := time.Now().Add(time.Hour)
	want := []string{"anna  must change it", "bob  must change it"}
	if l := do(request{Command: "campaign-start", Time: later}); !slices.Equal(l[:len(l)-1], want) || !strings.HasSuffix(l[len(l)-1], ": 0 changed the password, 2 must change it, 0 are not asked yet") {
		t.Errorf("%q", l)
	}
	if !slices.Equal(*kicked, []string{"anna", "bob"}) {
		t.Errorf("sessions ended: %q", *kicked)
	}
	if l := do(request{Command: "app-list", Name: "anna"}); len(l) != 0 {
		t.Errorf("app passwords left: %q", l)
	}
	do(request{Command: "passwd", Name: "bob", Password: "brighter lanterns"})
	if l := do(request{Command: "campaign-status", Time: time.Now().Add(-time.Hour)}); l[len(l)-1][len("since 2006-01-02 15:04 UTC: "):] != "1 changed the password, 1 must change it, 0 are not asked yet" {
		t.Errorf("%q", l)
	}
}
