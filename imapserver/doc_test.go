package imapserver

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docRow is a row of the table of standards in doc.go.
type docRow struct {
	rfc, title          string
	files, capabilities []string
}

func docTable(t *testing.T) map[string]docRow {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]docRow{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 5 || f[0] != "//" {
			continue
		}
		row := docRow{f[1], f[2], strings.Fields(f[3]), strings.Fields(strings.Trim(f[4], "-"))}
		if _, double := rows[row.rfc]; double || row.title == "" || len(row.files) == 0 {
			t.Errorf("row of %s", row.rfc)
		}
		rows[row.rfc] = row
	}
	if len(rows) == 0 {
		t.Fatal("doc.go has no table")
	}
	return rows
}

// TestReferencesAreInTable checks that each RFC named in the code stands in the table, and that the files of each row name it.
func TestReferencesAreInTable(t *testing.T) {
	rows := docTable(t)
	reference := regexp.MustCompile(`RFC \d{4}\b`)
	named := map[string][]string{}
	var files []string
	for _, pattern := range []string{"*.go", "internal/*/*.go", "goimap/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if file == "doc.go" {
			continue
		}
		for _, rfc := range reference.FindAllString(string(text), -1) {
			named[rfc] = append(named[rfc], file)
			if _, ok := rows[rfc]; !ok {
				t.Errorf("%s: %s is not in the table of doc.go", file, rfc)
			}
		}
	}
	for rfc, row := range rows {
		for _, file := range row.files {
			if !slices.Contains(named[rfc], file) {
				t.Errorf("%s is said to be in %s, which does not name it", rfc, file)
			}
		}
	}
}

// TestCapabilitiesAreInTable checks that what is announced is what the table says.
func TestCapabilitiesAreInTable(t *testing.T) {
	inTable := map[string]bool{}
	for _, row := range docTable(t) {
		for _, c := range row.capabilities {
			inTable[c] = true
		}
	}
	announced := map[string]bool{"IMAP4rev1": true}
	for _, e := range extensions() {
		for _, c := range e.capabilities {
			announced[c.name] = true
		}
	}
	if !maps.Equal(inTable, announced) {
		t.Errorf("table: %v\nannounced: %v", slices.Sorted(maps.Keys(inTable)), slices.Sorted(maps.Keys(announced)))
	}
}
