package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sop runs a command in a folder.
func sop(t *testing.T, in string, args ...string) (out string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = run(console{strings.NewReader(in), &stdout, &stderr}, args)
	if status != 0 {
		t.Logf("sop %s: %d %s", strings.Join(args, " "), status, &stderr)
	}
	return stdout.String(), status
}

func must(t *testing.T, in string, args ...string) string {
	t.Helper()
	out, status := sop(t, in, args...)
	if status != 0 {
		t.Fatalf("sop %s: status %d", strings.Join(args, " "), status)
	}
	return out
}

// folder is a temporary folder; file writes one file in it.
func folder(t *testing.T) (file func(name, content string) string) {
	dir := t.TempDir()
	return func(name, content string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if content != "" {
			if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return name
	}
}

var verification = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [0-9A-F]+ [0-9A-F]+ mode:(binary|text)\n$`)

func TestCommands(t *testing.T) {
	for line := range strings.Lines(must(t, "", "list-profiles", "generate-key")) {
		profile, _, _ := strings.Cut(line, ":")
		if profile == "rfc4880" { // RSA takes seconds to make; package interop tries it
			continue
		}
		file := folder(t)
		key := file("key", must(t, "", "generate-key", "--profile", profile, "Anna <anna@example.org>"))
		content, _ := os.ReadFile(key)
		cert := file("cert", must(t, string(content), "extract-cert"))
		const text = "The ship comes at noon.\n"

		signature := file("sig", must(t, text, "sign", "--as=text", "--micalg-out="+file("micalg", ""), key))
		if micalg, _ := os.ReadFile(file("micalg", "")); !strings.HasPrefix(string(micalg), "pgp-sha") {
			t.Errorf("micalg %q", micalg)
		}
		if out := must(t, text, "verify", signature, cert); !verification.MatchString(out) || !strings.Contains(out, "mode:text") {
			t.Errorf("%s: verification %q", profile, out)
		}
		if out, status := sop(t, "other", "verify", signature, cert); status != noSignature || out != "" {
			t.Errorf("%s: another text: %d %q", profile, status, out)
		}
		if _, status := sop(t, text, "verify", "--not-after=2020-01-01T00:00:00Z", signature, cert); status != noSignature {
			t.Errorf("%s: too late: %d", profile, status)
		}

		message := must(t, text, "encrypt", "--sign-with", key, cert)
		out := must(t, message, "decrypt", "--verify-with", cert, "--verifications-out="+file("ver", ""), "--session-key-out="+file("sk", ""), key)
		lines, _ := os.ReadFile(file("ver", ""))
		if out != text || !verification.Match(lines) {
			t.Errorf("%s: %q, %q", profile, out, lines)
		}
		if out := must(t, message, "decrypt", "--with-session-key", file("sk", "")); out != text {
			t.Errorf("%s: by session key: %q", profile, out)
		}
		if _, status := sop(t, message, "decrypt", "--session-key-out="+file("sk", ""), key); status != outputExists {
			t.Errorf("%s: over a file: %d", profile, status)
		}
		if out := must(t, must(t, text, "inline-sign", key), "inline-verify", "--verifications-out="+file("ver2", ""), cert); out != text {
			t.Errorf("%s: inline: %q", profile, out)
		}
		if again := must(t, must(t, message, "dearmor"), "armor"); must(t, again, "decrypt", key) != text {
			t.Errorf("%s: dearmor and armor: %q", profile, again)
		}

		password := file("password", "secret\n")
		locked := file("locked", must(t, string(content), "change-key-password", "--new-key-password="+password))
		if _, status := sop(t, message, "decrypt", locked); status != keyIsProtected {
			t.Errorf("%s: locked: %d", profile, status)
		}
		if out := must(t, message, "decrypt", "--with-key-password="+password, locked); out != text {
			t.Errorf("%s: unlocked: %q", profile, out)
		}
		revoked := file("revoked", must(t, string(content), "revoke-key"))
		certText, _ := os.ReadFile(cert)
		merged := file("merged", must(t, string(certText), "merge-certs", revoked))
		if _, status := sop(t, text, "encrypt", merged); status != certCannotEncrypt {
			t.Errorf("%s: to a revoked key: %d", profile, status)
		}
	}
}

// The exit statuses of the draft, section 7.
func TestStatuses(t *testing.T) {
	file := folder(t)
	key := file("key", must(t, "", "generate-key", "anna@example.org"))
	other := file("other", must(t, "", "generate-key", "--profile=rfc9580"))
	password := file("password", "secret")
	message := must(t, "x", "encrypt", key)
	t.Setenv("SOP_TEST_PASSWORD", "secret")
	protected := must(t, "x", "encrypt", "--with-password", "@ENV:SOP_TEST_PASSWORD")
	if out := must(t, protected, "decrypt", "--with-password", password); out != "x" {
		t.Errorf("by password: %q", out)
	}
	for _, test := range []struct {
		want int
		in   string
		args []string
	}{
		{0, "", []string{"version"}},
		{unsupportedCommand, "", nil},
		{unsupportedCommand, "", []string{"inline-detach"}},
		{unsupportedOption, "", []string{"version", "--unknown"}},
		{unsupportedOption, "x", []string{"inline-sign", "--as=clearsigned", key}},
		{unsupportedProfile, "", []string{"generate-key", "--profile=unknown"}},
		{unsupportedProfile, "", []string{"list-profiles", "version"}},
		{missingArgument, "x", []string{"encrypt"}},
		{missingArgument, message, []string{"decrypt"}},
		{missingInput, message, []string{"decrypt", file("none", "")}},
		{missingInput, message, []string{"decrypt", "@ENV:SOP_TEST_NONE"}},
		{unsupportedPrefix, message, []string{"decrypt", "@HTTP:x"}},
		{incompatibleOptions, message, []string{"decrypt", "--verify-with", key, key}},
		{cannotDecrypt, message, []string{"decrypt", other}},
		{badData, "hello", []string{"decrypt", key}},
		{badData, message[:len(message)/2], []string{"decrypt", key}},
		{badData, "hello", []string{"extract-cert"}},
		{badData, "", []string{"armor"}},
	} {
		if out, status := sop(t, test.in, test.args...); status != test.want || status != 0 && out != "" {
			t.Errorf("sop %v: %d, not %d; %q", test.args, status, test.want, out)
		}
	}
}
