package mailhavn_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mailhavn/mailhavn/"

// forbidden says which package must not come to depend on which, and why. Sub-packages are meant too.
var forbidden = []struct{ pkg, dep, why string }{
	{"storage", "imapserver", "the store is embedded without the protocol; imapserver builds on it"},
	{"storage", "tlspolicy", "the store knows no network"},
	{"storage", "passwd", "who may open an account is decided above the store"},
	{"tlspolicy", "imapserver", "the TLS policy serves every kind of server"},
	{"tlspolicy", "storage", "the TLS policy stands alone"},
	{"tlspolicy", "passwd", "the TLS policy stands alone"},
	{"tlspolicy/outbound", "tlspolicy/certs", "a client has no certificates of its own"},
	{"tlspolicy/outbound", "pgp", "how mail is handed on does not depend on what is in it"},
	{"tlspolicy", "tlspolicy/drill", "a policy does not know what is done after a leak"},
	{"tlspolicy/drill", "tlspolicy/certs", "the drill installs certificates wherever they are served"},
	{"passwd", "imapserver", "passwords are proved to every kind of server; the interface between them is structural"},
	{"passwd", "storage", "the user database stands alone"},
	{"passwd", "tlspolicy", "the user database stands alone"},
	{"passwd/policy", "passwd/mech", "a registration page needs no protocol"},
	{"passwd/hash", "passwd/mech", "old hashes are read without any protocol"},
	{"passwd/mech", "passwd/zxcvbn", "mechanisms know messages and proofs, not what a good password is"},
	{"pgp", "imapserver", "OpenPGP is of use to any mail program"},
	{"pgp", "storage", "content is encrypted before any store sees it"},
	{"pgp", "tlspolicy", "OpenPGP stands alone"},
	{"pgp", "passwd", "OpenPGP stands alone"},
	{"imapserver", "pgp", "the protocol server carries any content"},
	{"storage", "pgp", "the store keeps any content; who wants it encrypted puts pgp before it"},
	{"imapserver", "tlspolicy", "any *tls.Config must do"},
	{"imapserver", "passwd", "any user database must do"},
	{"imapserver", "examples", "a library does not depend on a program"},
	{"imapserver", "imapserver/goimap", "the protocol server stands alone; only the adapter needs go-imap"},
	{"imapserver/goimap", "tlspolicy", "any *tls.Config must do"},
	{"imapserver/goimap", "passwd", "any user database must do"},
	{"imapserver/internal/names", "imapserver/internal/wire", "what things are called is told by another server, too"},
	{"imapserver/internal/wire", "storage", "the codec knows no state"},
	{"storage/vfs", "storage/message", "the seam to the file system knows no mail"},
	{"storage/message", "storage/vfs", "reading a message needs no store"},
	{"storage/maildir", "storage/vfs", "names of files are pure data"},
}

// forbiddenForeign are packages of the standard library and of others that some packages must do without.
var forbiddenForeign = []struct{ pkg, dep, why string }{
	{"imapserver/internal/wire", "net", "the codec knows no network: it is tested and fuzzed on bytes alone"},
	{"storage", "net", "the store knows no network"},
	{"storage", "os/exec", "nothing on the way of mail starts a program"},
	{"imapserver", "os/exec", "nothing on the way of mail starts a program"},
	{"storage", "testing", "tests stay out of the library"},
	{"imapserver", "testing", "tests stay out of the library"},
	{"passwd", "net/http", "the user database and SASL are embedded without a web server; tokens are checked in passwd/oauth"},
	{"passwd", "github.com/go-webauthn/webauthn/webauthn", "passkeys are for web pages, in passwd/passkey"},
	{"passwd", "database/sql", "users in a database are in passwd/sqlusers"},
	{"tlspolicy", "github.com/miekg/dns", "DNS is asked in tlspolicy/outbound"},
	{"tlspolicy/outbound", "net/smtp", "it decides for any mail transfer agent and speaks no SMTP itself"},
	{"tlspolicy", "github.com/caddyserver/certmagic", "an ACME client is for those who import tlspolicy/acme"},
	{"tlspolicy/certs", "github.com/caddyserver/certmagic", "certificates are followed in files, whoever leaves them there"},
	{"tlspolicy/drill", "github.com/caddyserver/certmagic", "authorities are behind an interface"},
	{"imapserver", "github.com/caddyserver/certmagic", "an IMAP server takes any *tls.Config"},
	{"tlspolicy", "github.com/zmap/zlint/v3", "hundreds of lints are for those who import tlspolicy/lint"},
	{"tlspolicy/certs", "github.com/zmap/zlint/v3", "hundreds of lints are for those who import tlspolicy/lint"},
	{"tlspolicy/drill", "net/http", "the drill knows no network: authorities are behind an interface"},
	{"tlspolicy/audit", "github.com/zmap/zlint/v3", "hundreds of lints are for those who import tlspolicy/lint"},
	{"tlspolicy/audit", "os/exec", "the auditor speaks for itself"},
	{"pgp", "net/http", "keys are looked for in pgp/wkd"},
	{"pgp", "os/exec", "nothing on the way of mail starts a program"},
	{"imapserver", "net/http", "an IMAP server is embedded without a web server"},
	{"imapserver", "github.com/emersion/go-imap/v2", "its beta is no ground for our promises; imapserver/goimap adapts to it, tests use its client"},
	{"storage", "github.com/emersion/go-imap/v2", "the store has types of its own; imapserver/goimap converts"},
}

// deps lists what packages depend on, themselves included, with the modules these belong to.
func deps(t *testing.T, pattern string) (packages, modules []string) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{with .Module}}{{.Path}}{{end}}", "./"+pattern)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pattern, err)
	}
	for line := range strings.Lines(string(out)) {
		pkg, mod, _ := strings.Cut(strings.TrimSpace(line), " ")
		packages = append(packages, pkg)
		if mod != "" && mod+"/" != module {
			modules = append(modules, mod)
		}
	}
	slices.Sort(modules)
	return packages, slices.Compact(modules)
}

func TestImports(t *testing.T) {
	all, _ := deps(t, "...")
	known := map[string][]string{}
	for _, rule := range forbidden {
		if !slices.Contains(all, module+rule.pkg) && rule.dep != "examples" {
			t.Errorf("rule about %s: there is no such package any more", rule.pkg)
			continue
		}
		if _, ok := known[rule.pkg]; !ok {
			known[rule.pkg], _ = deps(t, rule.pkg)
		}
		for _, dep := range known[rule.pkg] {
			if dep == module+rule.dep || strings.HasPrefix(dep, module+rule.dep+"/") {
				t.Errorf("%s depends on %s: %s", rule.pkg, dep, rule.why)
			}
		}
	}
	for _, rule := range forbiddenForeign {
		if _, ok := known[rule.pkg]; !ok {
			known[rule.pkg], _ = deps(t, rule.pkg)
		}
		if slices.Contains(known[rule.pkg], rule.dep) {
			t.Errorf("%s depends on %s: %s", rule.pkg, rule.dep, rule.why)
		}
	}
}

// maxModules is how many modules of others an embedder of imapserver or storage pulls in at most.
const maxModules = 8

func TestModuleBudget(t *testing.T) {
	for _, pkg := range []string{"storage", "imapserver"} {
		_, modules := deps(t, pkg)
		if len(modules) > maxModules {
			t.Errorf("%s pulls in %d modules, more than %d: %v", pkg, len(modules), maxModules, modules)
		}
		t.Logf("%s: %v", pkg, modules)
	}
}
