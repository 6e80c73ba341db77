//go:build interop

package goimap_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestUpstream runs the library's own tests of its client, all but one word of them unchanged, in a copy of the library whose server in memory is replaced by
// mailhavn's storage.
func TestUpstream(t *testing.T) {
	library, root := goList(t, "github.com/emersion/go-imap/v2"), goList(t, "github.com/mailhavn/mailhavn")
	dir := filepath.Join(t.TempDir(), "go-imap")
	must(t, os.CopyFS(dir, os.DirFS(library)))
	must(t, exec.Command("chmod", "-R", "u+w", dir).Run())
	memory := filepath.Join(dir, "imapserver", "imapmemserver")
	must(t, os.RemoveAll(memory))
	must(t, os.RemoveAll(filepath.Join(dir, "cmd")))
	must(t, os.CopyFS(memory, os.DirFS("testdata/upstream")))

	tests := filepath.Join(dir, "imapclient", "client_test.go") // the only change: our sessions want to know their connection
	text, err := os.ReadFile(tests)
	must(t, err)
	must(t, os.WriteFile(tests, []byte(strings.ReplaceAll(string(text), "memServer.NewSession()", "memServer.NewSession(conn)")), 0o600))

	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	must(t, err)
	requirements := regexp.MustCompile(`(?m)^.*go-imap/v2 .*\n`).ReplaceAllString(string(module), "")
	requirements = strings.Replace(requirements, "module github.com/mailhavn/mailhavn", "module github.com/emersion/go-imap/v2", 1)
	requirements += "\nrequire github.com/mailhavn/mailhavn v0.0.0\n\nreplace github.com/mailhavn/mailhavn => " + root + "\n"
	must(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(requirements), 0o600))
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600))

	cmd := exec.Command("go", "test", "-mod=mod", "-v", "./imapclient")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	passed := strings.Count(string(out), "\n--- PASS: ")
	if err != nil || passed < 20 {
		t.Errorf("%v, %d tests passed\n%s", err, passed, out)
	}
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "--- ") {
			t.Log(line)
		}
	}
}

func goList(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}
