package main

import (
	"slices"
	"strings"
	"testing"
)

func TestHideRules(t *testing.T) {
	s := settings{Hide: []hideRule{
		{Capabilities: []string{"NOTIFY"}},
		{Capabilities: []string{"condstore", "QRESYNC"}, Client: "iphone Mail"},
		{Capabilities: []string{"UIDONLY"}, Account: "anna@example.org"},
		{Capabilities: []string{"MOVE"}, Account: "anna@example.org", Client: "Out"},
	}}
	if err := s.checkClients(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ user, client, want string }{
		{"", "", "NOTIFY"},
		{"bob@example.org", "iPhone Mail 26.1", "NOTIFY condstore QRESYNC"},
		{"anna@example.org", "", "NOTIFY UIDONLY"},
		{"Anna@example.org", "Outlook", "NOTIFY UIDONLY MOVE"},
		{"bob@example.org", "Outlook", "NOTIFY"},
	} {
		if got := s.hidden(c.user, map[string]string{"name": c.client}); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s with %q: %q, want %s", c.user, c.client, got, c.want)
		}
	}
}
