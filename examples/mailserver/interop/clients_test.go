//go:build interop

package interop_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fill appends messages to a mailbox by the test's own client and returns its state.
func fill(s *server, box string, samples []sample) mailState {
	s.t.Helper()
	w := s.connect(anna)
	defer w.close()
	state := mailState{}
	for i, m := range samples {
		flags := []string{"", `\Seen`, `\Flagged \Seen`, `\Answered`}[i%4]
		w.must(s.t, "APPEND %q (%s) %s", box, flags, literal(m.wireForm()))
		state[essence(m.text)] = []string{"", "S", "FS", "R"}[i%4]
	}
	return state
}

// distinct returns messages that a mail program can be expected to handle, all different.
func distinct(t *testing.T) (some []sample) {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range ordinary(t) {
		if key := essence(m.text); !seen[key] {
			seen[key] = true
			some = append(some, m)
		}
	}
	return some
}

// plain returns messages in plain English, which no program has reason to write in another way.
func plain(t *testing.T) []sample {
	t.Helper()
	return slices.DeleteFunc(distinct(t), func(m sample) bool { return !strings.HasPrefix(m.name, "plain") })
}

// TestOfflineIMAP takes an account down, changes it on both sides, and synchronizes.
func TestOfflineIMAP(t *testing.T) {
	s := newServer(t)
	samples := plain(t) // offlineimap writes anew, with its own idea of header fields, what is odd
	want := fill(s, "INBOX", samples[:50])
	work := fill(s, "Archive", samples[50:60])
	sync := func() {
		t.Helper()
		_, port, _ := strings.Cut(s.imaps, ":")
		config := s.file("offlineimaprc", fmt.Sprintf("[general]\naccounts = a\nui = basic\nmetadata = %[1]s/offlineimap\n"+
			"[Account a]\nlocalrepository = l\nremoterepository = r\n[Repository l]\ntype = Maildir\nlocalfolders = %[1]s/mail\nsep = /\n"+
			"[Repository r]\ntype = IMAP\nremotehost = localhost\nremoteport = %[2]s\nremoteuser = %[3]s\nremotepass = %[4]s\nssl = yes\n"+
			"sslcacertfile = %[5]s\nexpunge = yes\n", s.dir, port, anna, password, s.certificate()))
		r := run(t, command("offlineimap", "-c", config, "-o"))
		if said := r.stdout + r.stderr; strings.Contains(said, "ERROR") || strings.Contains(said, "WARN") {
			t.Errorf("offlineimap: %v", r)
		}
	}
	sync()
	inbox := maildir{t, filepath.Join(s.dir, "mail", "INBOX")}
	compareStates(t, "taken down: INBOX", inbox.state(), want)
	compareStates(t, "taken down: Archive", maildir{t, filepath.Join(s.dir, "mail", "Archive")}.state(), work)

	for i, m := range inbox.list() {
		switch key := essence(m.text); i % 5 {
		case 0:
			if err := os.Remove(m.path); err != nil {
				t.Fatal(err)
			}
			delete(want, key)
		case 1:
			want[key] = union(m.flags, "FS")
			inbox.setFlags(m, want[key])
		case 2:
			want[key] = ""
			inbox.setFlags(m, "")
		}
	}
	for _, m := range samples[60:66] {
		inbox.add(m.name[6:]+".local", strings.ReplaceAll(m.text, "\r\n", "\n"), "S")
		want[essence(m.text)] = "S"
	}
	w := s.connect(anna) // the server's side changes too
	w.must(t, "SELECT Archive")
	w.must(t, `STORE 1:3 +FLAGS (\Deleted)`)
	w.must(t, "EXPUNGE")
	for _, m := range samples[50:53] {
		delete(work, essence(m.text))
	}
	s.restart()
	sync()
	for _, side := range []string{"server", "maildir"} {
		got, _ := s.state(anna, "INBOX")
		archive, _ := s.state(anna, "Archive")
		if side == "maildir" {
			got, archive = inbox.state(), maildir{t, filepath.Join(s.dir, "mail", "Archive")}.state()
		}
		compareStates(t, side+": INBOX", got, want)
		compareStates(t, side+": Archive", archive, work)
	}
}

// TestMutt reads a mailbox, saves all of it, and flags and deletes messages.
func TestMutt(t *testing.T) {
	s := newServer(t)
	samples := plain(t)[:30]
	want := fill(s, "INBOX", samples)
	saved := filepath.Join(s.dir, "saved")
	box := "imaps://" + s.imaps + "/INBOX"
	copies := ""
	for i := range samples {
		copies += fmt.Sprintf("<jump>%d<enter><copy-message>%s<enter>", i+1, saved)
	}
	rc := s.file("muttrc", strings.Join([]string{
		"set imap_user=" + anna, `set imap_pass="` + password + `"`, "set certificate_file=" + s.certificate(),
		"set header_cache=''", "set resolve=no", "set mbox_type=Maildir", "set confirmappend=no", "set confirmcreate=no", "set delete=yes", "set quit=yes",
		"set mark_old=no", "set wait_key=no", "set move=no",
		"push '" + copies +
			"<first-entry><search>~s \"plain 7$\"<enter><set-flag>!" +
			"<delete-pattern>~s \"plain 9$\"<enter><sync-mailbox><quit>'",
	}, "\n"))
	terminal := filepath.Join(s.dir, "terminal")
	r := try(t, command("script", "-qec", "mutt -n -F '"+rc+"' -f '"+box+"'", terminal).with("TERM=xterm", "HOME="+s.dir, "COLUMNS=80", "LINES=24"))
	if r.err != nil {
		t.Fatalf("mutt: %v", r)
	}
	got, all := maildir{t, saved}.state(), mailState{}
	if _, err := os.Stat(saved); err != nil {
		t.Fatalf("mutt has saved nothing: %v", r)
	}
	for key := range got {
		got[key] = ""
	}
	for key := range want {
		all[key] = ""
	}
	compareStates(t, "saved by mutt", got, all)
	delete(want, essence(samples[9].text))
	want[essence(samples[7].text)] = union(want[essence(samples[7].text)], "F")
	far, _ := s.state(anna, "INBOX")
	for key, flags := range far { // what mutt has copied it has read
		far[key] = strings.ReplaceAll(flags, "S", "")
		want[key] = strings.ReplaceAll(want[key], "S", "")
	}
	compareStates(t, "server after mutt", far, want)
	if t.Failed() {
		t.Logf("mutt: %v", r)
	}
}

// TestCurl lists, reads, searches and uploads.
func TestCurl(t *testing.T) {
	s := newServer(t)
	samples := plain(t)[:6]
	fill(s, "INBOX", samples)
	curl := func(path string, args ...string) string {
		t.Helper()
		args = append([]string{"-sS", "--cacert", s.certificate(), "-u", anna + ":" + password, "imaps://" + s.imaps + "/" + path}, args...)
		return run(t, command("curl", args...)).stdout
	}
	for _, box := range []string{"INBOX", "Drafts", "Archive"} {
		if out := curl(""); !strings.Contains(out, box) {
			t.Errorf("the list lacks %s:\n%s", box, out)
		}
	}
	text := samples[1].wireForm()
	header, body, _ := strings.Cut(text, "\r\n\r\n")
	for path, want := range map[string]string{
		"INBOX;UID=2":                        text,
		"INBOX;UID=2;SECTION=TEXT":           body,
		"INBOX;UID=2;SECTION=HEADER":         header + "\r\n\r\n",
		"INBOX;MAILINDEX=2":                  text,
		"INBOX;UID=2;SECTION=1":              body,
		"INBOX;UID=2;SECTION=1;PARTIAL=0.10": body[:10],
	} {
		if got := curl(path); got != want {
			t.Errorf("%s: %s", path, difference(got, want))
		}
	}
	if out := curl("INBOX?" + url.PathEscape(`SUBJECT "plain 3"`)); strings.TrimSpace(out) != "* SEARCH 4" {
		t.Errorf("search by the address: %q", out)
	}
	if out := curl("INBOX", "-X", `SEARCH UID 2:3 NOT SUBJECT "plain 2"`); strings.TrimSpace(out) != "* SEARCH 2" {
		t.Errorf("search by -X: %q", out)
	}
	if out := curl("INBOX", "-X", "STORE 1 +FLAGS.SILENT \\Deleted"); out != "" {
		t.Errorf("STORE: %q", out)
	}
	curl("INBOX", "-X", "EXPUNGE")
	upload := corpus(t)[0].wireForm()
	curl("Archive", "-T", s.file("upload", upload))
	if got := curl("Archive;UID=1"); got != upload {
		t.Errorf("uploaded: %s", difference(got, upload))
	}
	if all, _ := s.messages(anna, "INBOX"); len(all) != len(samples)-1 {
		t.Errorf("INBOX has %d messages", len(all))
	}
	// STARTTLS, and no password without it.
	out := run(t, command("curl", "-sS", "--ssl-reqd", "--cacert", s.certificate(), "-u", anna+":"+password, "imap://"+s.imap+"/Archive;UID=1")).stdout
	if out != upload {
		t.Errorf("by STARTTLS: %s", difference(out, upload))
	}
	if r := try(t, command("curl", "-sS", "-u", anna+":"+password, "imap://"+s.imap+"/")); r.err == nil {
		t.Errorf("logged in without TLS: %v", r)
	}
}

// TestPython runs a script with imaplib.
func TestPython(t *testing.T) {
	s := newServer(t)
	_, imaps, _ := net.SplitHostPort(s.imaps)
	_, imap, _ := net.SplitHostPort(s.imap)
	r := run(t, command("python3", "testdata/imaplib_client.py", imaps, imap, anna, password, s.certificate()))
	if !strings.HasSuffix(r.stdout, "all done\n") {
		t.Errorf("the script has not come to its end: %v", r)
	}
}

// TestOpenSSL sees which versions and key exchanges of TLS are agreed on.
func TestOpenSSL(t *testing.T) {
	s := newServer(t)
	const weak = "DEFAULT:@SECLEVEL=0" // or openssl itself would refuse old versions
	for _, test := range []struct {
		name string
		args []string
		want []string // in what openssl prints; none where the handshake must fail
	}{
		{"TLS 1.3", []string{"-tls1_3"}, []string{"Protocol version: TLSv1.3"}},
		{"TLS 1.2", []string{"-tls1_2"}, []string{"Protocol version: TLSv1.2", "Ciphersuite: ECDHE-"}},
		{"TLS 1.1", []string{"-tls1_1", "-cipher", weak}, nil},
		{"TLS 1.0", []string{"-tls1", "-cipher", weak}, nil},
		{"RSA key exchange", []string{"-tls1_2", "-cipher", "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA"}, nil},
	} {
		for _, starttls := range []bool{false, true} {
			args := []string{"s_client", "-connect", s.imaps}
			if starttls {
				args = []string{"s_client", "-connect", s.imap, "-starttls", "imap"}
			}
			args = append(args, "-brief", "-CAfile", s.certificate(), "-verify_return_error", "-crlf", "-ign_eof")
			r := try(t, command("openssl", append(args, test.args...)...).input("x1 CAPABILITY\nx2 LOGOUT\n"))
			said := r.stdout + r.stderr
			if talked := strings.Contains(said, "x2 OK"); talked != (test.want != nil) || !talked && !strings.Contains(said, "alert") {
				t.Errorf("%s, STARTTLS %v: %v", test.name, starttls, r)
			}
			for _, want := range test.want {
				if !strings.Contains(said, want) || !strings.Contains(said, "Verification: OK") || strings.Contains(said, "LOGINDISABLED") {
					t.Errorf("%s, STARTTLS %v: %v", test.name, starttls, r)
				}
			}
		}
	}
}
