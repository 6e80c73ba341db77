//go:build interop

package mta

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/passwd"
)

// TestDoveadm lets Dovecot's own client of the protocol log in.
func TestDoveadm(t *testing.T) {
	users, err := passwd.OpenFile(filepath.Join(t.TempDir(), "users"))
	must(t, err)
	users.Hasher.Params = passwd.Params{Memory: 8, Time: 1}
	must(t, users.Add(context.Background(), "anna", "quiet lanterns"))
	a := &Auth{Authenticator: passwd.NewAuthenticator(users)}
	path := listen(t, a.Serve, a.Close)
	for _, test := range []struct {
		user, password, secured string
		want                    string
	}{
		{"anna", "quiet lanterns", "secured", "auth succeeded"},
		{"anna", "wrong", "secured", "auth failed"},
		{"nobody", "quiet lanterns", "secured", "auth failed"},
		{"anna", "quiet lanterns", "rip=192.0.2.1", "auth failed"}, // without TLS
	} {
		out, _ := exec.Command("doveadm", "auth", "test", "-a", path, "-x", test.secured, test.user, test.password).CombinedOutput()
		if !strings.Contains(string(out), test.want) {
			t.Errorf("%v: %s", test, out)
		}
	}
}
