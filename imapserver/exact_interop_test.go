//go:build interop

package imapserver

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
)

var (
	malformed     = flag.Int("exact.malformed", 150, "compare with Dovecot on so many malformed messages")
	malformedSeed = flag.Uint64("exact.seed", 1, "seed of the malformed messages")
)

// TestExact compares the server with Dovecot on real and on malformed mail.
func TestExact(t *testing.T) {
	s := newTestServer(t, nil)
	ours := imapservertest.Server{Name: "mailhavn", Dial: s.dialTLS, NewAccount: s.newAccount}
	messages := append(realMail(t), []byte("Content-Type: application/x-odd\r\nContent-Transfer-Encoding: binary\r\n\r\na\x00b\r\n"))
	messages = append(messages, imapservertest.Malformed(*malformedSeed, *malformed)...)
	// Dovecot reads a CR alone as an empty message, which nobody takes.
	messages = slices.DeleteFunc(messages, func(m []byte) bool { return string(m) == "\r" })
	imapservertest.Compare(t, imapservertest.Dovecot(t), ours, messages, exactDifferences())
}

// realMail is the mail in the test data of Python, which Debian has a package of, and of some Go modules.
func realMail(t *testing.T) [][]byte {
	files, err := filepath.Glob("/usr/lib/python3*/test/test_email/data/msg_*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files: libpython3.11-testsuite is missing (%v)", len(files), err)
	}
	for _, m := range mailModules {
		files = append(files, m.files(t)...)
	}
	var messages [][]byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) == 0 {
			continue // nobody takes an empty message
		}
		messages = append(messages, bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n")))
	}
	return messages
}

// mailModules have mail in their test data.
var mailModules = []mailModule{
	{"github.com/jhillyerd/enmime/v2@v2.3.0", 110},
	{"github.com/inbucket/inbucket/v3@v3.2.0", 10},
	{"github.com/ProtonMail/gluon@v0.17.1-0.20230724134000-308be39be96e", 8},
}

type mailModule struct {
	name  string
	least int // files with mail
}

// files are the names of the files with mail, after the Go command has brought the module here.
func (m mailModule) files(t *testing.T) (files []string) {
	out, err := exec.Command("go", "mod", "download", "-json", m.name).Output()
	var module struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &module); jsonErr != nil || module.Dir == "" {
		t.Fatalf("%s cannot be had: %v %v %s", m.name, err, jsonErr, module.Error)
	}
	err = filepath.WalkDir(module.Dir, func(path string, _ fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); ext == ".raw" || ext == ".eml" || ext == ".golden" && strings.Contains(path, "encode") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < m.least {
		t.Fatalf("%s: %d files: %v", m.name, len(files), err)
	}
	return files
}
