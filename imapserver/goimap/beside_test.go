package goimap_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
	"github.com/mailhavn/mailhavn/storage"
)

// TestBytes checks that a message comes back as it was, whatever it has, and that date and flags survive.
func TestBytes(t *testing.T) {
	s := newServer(t)
	c := s.login(t, s.goimap, "", nil)
	date := time.Date(1999, 12, 31, 23, 59, 59, 0, time.FixedZone("", 3600))
	messages := append(imapservertest.Malformed(7, 80), []byte("no header"), []byte("\r\n"), []byte("a: \xff\xfe\r\n\r\n\x80"),
		[]byte("Subject: long\r\n\r\n"+strings.Repeat("0123456789abcdef\r\n", 20_000)))
	whole := &imap.FetchItemBodySection{Peek: true}
	for i, m := range messages {
		// IMAP shows each line end as CRLF, and no NUL.
		text := strings.NewReplacer("\r\n", "\r\n", "\n", "\r\n", "\x00", "").Replace(string(m))
		if text == "" {
			continue
		}
		add(t, c, "INBOX", text, &imap.AppendOptions{Time: date, Flags: []imap.Flag{imap.FlagDraft, "$Nr"}})
		selected, err := c.Select("INBOX", nil).Wait()
		must(t, err)
		list, err := c.Fetch(imap.SeqSetNum(selected.NumMessages), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}, InternalDate: true, Flags: true, RFC822Size: true}).Collect()
		must(t, err)
		got := list[0]
		if body := string(got.FindBodySection(whole)); body != text || got.RFC822Size != int64(len(text)) {
			t.Errorf("message %d: %.200q became %.200q", i, text, body)
		}
		if !got.InternalDate.Equal(date) || !slices.Contains(got.Flags, imap.FlagDraft) || !slices.Contains(got.Flags, "$Nr") {
			t.Errorf("message %d: %v %v", i, got.InternalDate, got.Flags)
		}
	}
}

// TestUpdates lets one session see what another does: in IDLE at once; EXPUNGE not during FETCH, STORE and SEARCH.
func TestUpdates(t *testing.T) {
	s := newServer(t)
	a := s.rawLogin(t, s.goimap, "INBOX")
	for range 4 {
		a.append("INBOX", []byte(letter))
	}
	b := s.rawLogin(t, s.goimap, "INBOX")
	expect := func(command string, want ...string) {
		t.Helper()
		if got := b.ok(command); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
	a.ok(`STORE 3 +FLAGS (\Flagged $Ny)`)
	expect("NOOP", `* FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Ny)`, `* 3 FETCH (UID 3 FLAGS (\Flagged $Ny))`)
	expect("NOOP")
	a.ok(`STORE 1:2 +FLAGS.SILENT (\Deleted)`)
	a.ok("EXPUNGE")
	expect("FETCH 3 RFC822.SIZE", "* 3 FETCH (RFC822.SIZE 217)")
	expect(`STORE 3 +FLAGS (\Seen)`, `* 3 FETCH (FLAGS (\Flagged \Seen $Ny))`)
	expect("FETCH 3 FLAGS", `* 3 FETCH (FLAGS (\Flagged \Seen $Ny))`)
	expect("SEARCH SEEN", "* SEARCH 3")
	b.refused("FETCH 1 BODY.PEEK[1]<0.1>", "")
	b.refused(`STORE 1:3 +FLAGS (\Draft)`, "NO [EXPUNGEISSUED]")
	b.refused("COPY 1 Archive", "NO [EXPUNGEISSUED]")
	expect("UID FETCH 1 UID", "* 1 FETCH (UID 1)", "* 1 EXPUNGE", "* 1 EXPUNGE")
	expect("NOOP")
	expect(`STORE 1 FLAGS.SILENT ()`)
	expect("NOOP")

	news := make(chan string, 10)
	idler := s.login(t, s.goimap, "INBOX", &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Expunge: func(uint32) { news <- "EXPUNGE" },
		Mailbox: func(*imapclient.UnilateralDataMailbox) { news <- "EXISTS" },
		Fetch: func(m *imapclient.FetchMessageData) {
			m.Collect()
			news <- "FETCH"
		},
	}})
	idle, err := idler.Idle()
	must(t, err)
	for _, step := range []struct{ command, want string }{
		{`STORE 2 FLAGS (\Deleted)`, "FETCH"}, {"EXPUNGE", "EXPUNGE"}, {"COPY 1 INBOX", "EXISTS"},
	} {
		a.ok(step.command)
		select {
		case got := <-news:
			if got != step.want {
				t.Errorf("%s: IDLE told %s", step.command, got)
			}
		case <-time.After(patience):
			t.Fatalf("%s: IDLE told nothing", step.command)
		}
	}
	must(t, idle.Close())
	must(t, idle.Wait())
	a.ok("CREATE Bort")
	gone := s.rawLogin(t, s.goimap, "Bort")
	a.ok("DELETE Bort")
	if untagged, _, err := gone.do("NOOP"); err == nil || len(untagged) != 1 || !strings.HasPrefix(untagged[0], "* BYE") {
		t.Errorf("NOOP in a mailbox that is gone: %q %v", untagged, err)
	}
}

// TestBeside serves one account by go-imap's server and by mailhavn's at once: each shows what the other does.
func TestBeside(t *testing.T) {
	s := newServer(t)
	theirs, ours := s.rawLogin(t, s.goimap, "INBOX"), s.rawLogin(t, s.own, "INBOX")
	theirs.append("INBOX", []byte(letter))
	if got := ours.ok("NOOP"); !slices.Contains(got, "* 1 EXISTS") {
		t.Errorf("%q", got)
	}
	ours.ok(`STORE 1 +FLAGS (\Flagged $Egen)`)
	if got := theirs.ok("NOOP"); !slices.Contains(got, `* 1 FETCH (UID 1 FLAGS (\Flagged \Recent $Egen))`) {
		t.Errorf("%q", got)
	}
	theirs.ok("CREATE Felles")
	ours.ok("COPY 1 Felles")
	theirs.ok(`STORE 1 +FLAGS (\Deleted)`)
	theirs.ok("EXPUNGE")
	if got := ours.ok("NOOP"); !slices.Contains(got, "* 1 EXPUNGE") {
		t.Errorf("%q", got)
	}
	for _, c := range []*raw{ours, theirs} {
		if got := c.ok("STATUS Felles (MESSAGES UIDNEXT)"); len(got) != 1 || !strings.HasSuffix(got[0], "(MESSAGES 1 UIDNEXT 2)") {
			t.Errorf("%q", got)
		}
	}
}

// TestAccess checks what a password that may do less gives, and how logins fail.
func TestAccess(t *testing.T) {
	s := newServer(t)
	full := s.rawLogin(t, s.goimap, "INBOX")
	full.append("INBOX", []byte(letter))
	s.auth.readOnly = true
	r := s.rawLogin(t, s.goimap, "INBOX")
	for _, command := range []string{
		`STORE 1 FLAGS (\Seen)`, "COPY 1 Archive", "MOVE 1 Archive", "CREATE x", "DELETE Archive", "RENAME Archive y", "SUBSCRIBE x", "UID EXPUNGE 1",
	} {
		r.refused(command, "NO [NOPERM]")
	}
	r.ok("FETCH 1 BODY[]")
	r.ok("CLOSE")
	s.auth.readOnly = false
	if got := full.ok("UID FETCH 1 FLAGS"); !slices.Equal(got, []string{`* 1 FETCH (UID 1 FLAGS (\Recent))`}) {
		t.Errorf("%q", got)
	}
	s.auth.expiry = time.Now().Add(-time.Second)
	late := s.raw(t, s.goimap)
	late.refused("LOGIN "+user+` "`+password+`"`, "NO [EXPIRED]")
	s.auth.expiry = time.Time{}
	for range 3 {
		late.refused("LOGIN "+user+" wrong", "NO [AUTHENTICATIONFAILED]")
	}
	late.refused("LOGIN "+user+` "`+password+`"`, "NO [LIMIT]")
	s.auth.lastWord = "v=proof"
	word := s.raw(t, s.goimap)
	word.conn.Write([]byte("a AUTHENTICATE PLAIN AGFubmEAY29ycmVjdCBob3JzZQ==\r\n"))
	if line, err := word.response(); err != nil || line != "+ dj1wcm9vZg==" {
		t.Errorf("the server's last word: %q %v", line, err)
	}
	word.conn.Write([]byte("\r\n"))
	if line, err := word.response(); err != nil || !strings.HasPrefix(line, "a OK") {
		t.Errorf("%q %v", line, err)
	}
}

// TestTransform has the storage's hook refuse a message: the client is told, and nothing is stored.
func TestTransform(t *testing.T) {
	s := newTransformingServer(t, func(storage.ID, storage.Origin, io.Writer) (io.WriteCloser, error) { return nil, errors.New("refused") })
	c := s.login(t, s.goimap, "", nil)
	w := c.Append("INBOX", int64(len(letter)), nil)
	io.WriteString(w, letter)
	w.Close()
	var refused *imap.Error
	if _, err := w.Wait(); !errors.As(err, &refused) || refused.Type != imap.StatusResponseTypeNo || refused.Code != imap.ResponseCodeCannot {
		t.Errorf("%v", err)
	}
	if box, err := c.Select("INBOX", nil).Wait(); err != nil || box.NumMessages != 0 {
		t.Errorf("%+v, %v", box, err)
	}
}
