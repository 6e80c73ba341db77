//go:build interop

package interop_test

import (
	"bytes"
	"crypto/tls"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// goimap is a logged-in client of the go-imap library.
func goimap(s *server, handler *imapclient.UnilateralDataHandler) *imapclient.Client {
	s.t.Helper()
	options := &imapclient.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true}, UnilateralDataHandler: handler}
	c, err := imapclient.DialTLS(s.imaps, options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	must(s.t, c.Login(anna, password).Wait())
	// The library writes names in UTF-8 wherever IMAP4rev2 is announced, which is right only once it is enabled.
	if _, err := c.Enable(imap.CapIMAP4rev2).Wait(); err != nil {
		s.t.Fatal(err)
	}
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// got is the result of a command that must succeed.
func got[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestGoIMAP goes through what the client of the go-imap library can do.
func TestGoIMAP(t *testing.T) {
	s := newServer(t)
	exists := make(chan uint32, 100)
	c := goimap(s, &imapclient.UnilateralDataHandler{Mailbox: func(d *imapclient.UnilateralDataMailbox) {
		if d.NumMessages != nil {
			exists <- *d.NumMessages
		}
	}})
	names := got[*imap.NamespaceData](t)(c.Namespace().Wait())
	if len(names.Personal) != 1 || names.Personal[0].Delim != '/' {
		t.Errorf("NAMESPACE: %+v", names)
	}
	goimapLists(t, c)
	samples := plain(t)[:9]
	goimapFetches(t, c, samples)
	goimapChanges(t, c)
	goimapIdles(t, s, c, exists)
	must(t, c.Logout().Wait())
}

// goimapLists makes mailboxes and sees them in lists.
func goimapLists(t *testing.T, c *imapclient.Client) {
	must(t, c.Create("Grüße/Tief", nil).Wait())
	must(t, c.Rename("Grüße", "Alt", nil).Wait())
	must(t, c.Create("Neu", nil).Wait())
	must(t, c.Subscribe("Neu").Wait())
	options := &imap.ListOptions{ReturnChildren: true, ReturnSubscribed: true, ReturnStatus: &imap.StatusOptions{NumMessages: true, UIDNext: true}}
	found := map[string]*imap.ListData{}
	for _, d := range got[[]*imap.ListData](t)(c.List("", "*", options).Collect()) {
		found[d.Mailbox] = d
	}
	for box, attr := range map[string]imap.MailboxAttr{"INBOX": imap.MailboxAttrHasNoChildren, "Alt": imap.MailboxAttrHasChildren,
		"Alt/Tief": imap.MailboxAttrHasNoChildren, "Neu": imap.MailboxAttrSubscribed, "Trash": imap.MailboxAttrTrash} {
		d := found[box]
		if d == nil || box != "Trash" && !slices.Contains(d.Attrs, attr) {
			t.Errorf("LIST: %s: %+v", box, d)
		} else if box != "Alt" && (d.Status == nil || d.Status.NumMessages == nil || *d.Status.NumMessages != 0) {
			t.Errorf("LIST: %s has no STATUS of 0 messages: %+v", box, d.Status)
		}
	}
	special := got[[]*imap.ListData](t)(c.List("", "*", &imap.ListOptions{SelectSpecialUse: true, ReturnSpecialUse: true}).Collect())
	if len(special) != 5 {
		t.Errorf("%d mailboxes have a special use", len(special))
	}
	must(t, c.Delete("Alt/Tief").Wait())
}

// goimapFetches appends and reads.
func goimapFetches(t *testing.T, c *imapclient.Client, samples []sample) {
	when := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for i, m := range samples {
		text := m.wireForm()
		a := c.Append("Neu", int64(len(text)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen, "$Kept"}, Time: when})
		if _, err := a.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		must(t, a.Close())
		if d := got[*imap.AppendData](t)(a.Wait()); d.UID != imap.UID(i+1) {
			t.Errorf("APPENDUID %d of message %d", d.UID, i+1)
		}
	}
	if d := got[*imap.SelectData](t)(c.Select("Neu", nil).Wait()); int(d.NumMessages) != len(samples) || d.UIDValidity == 0 {
		t.Errorf("SELECT: %+v", d)
	}
	whole, header := &imap.FetchItemBodySection{Peek: true}, &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader}
	all := got[[]*imapclient.FetchMessageBuffer](t)(c.Fetch(imap.SeqSetNum(1, 2, 3, 4, 5, 6, 7, 8, 9), &imap.FetchOptions{Envelope: true, UID: true, Flags: true,
		InternalDate: true, RFC822Size: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection: []*imap.FetchItemBodySection{whole, header}}).Collect())
	if len(all) != len(samples) {
		t.Fatalf("FETCH gives %d messages", len(all))
	}
	for i, m := range all {
		text := samples[i].wireForm()
		head, _, _ := bytes.Cut([]byte(text), []byte("\r\n\r\n"))
		switch {
		case string(m.FindBodySection(whole)) != text:
			t.Errorf("message %d: %s", i, difference(string(m.FindBodySection(whole)), text))
		case string(m.FindBodySection(header)) != string(head)+"\r\n\r\n":
			t.Errorf("message %d: header is %q", i, m.FindBodySection(header))
		case m.RFC822Size != int64(len(text)) || !m.InternalDate.Equal(when) || !slices.Contains(m.Flags, "$Kept"):
			t.Errorf("message %d: %+v", i, m)
		case m.Envelope.Subject != samples[i].name || m.Envelope.From[0].Addr() != anna || m.Envelope.To[0].Name != "Bert":
			t.Errorf("message %d: %+v", i, m.Envelope)
		}
		_, multipart := m.BodyStructure.(*imap.BodyStructureMultiPart)
		if want := bytes.Contains([]byte(text), []byte("frontier")); multipart != want {
			t.Errorf("message %d: %s", i, m.BodyStructure.MediaType())
		}
	}
}

// goimapChanges searches, stores, copies, moves and expunges in the selected mailbox of nine messages.
func goimapChanges(t *testing.T, c *imapclient.Client) {
	search := func(criteria *imap.SearchCriteria) []imap.UID {
		t.Helper()
		return got[*imap.SearchData](t)(c.UIDSearch(criteria, nil).Wait()).AllUIDs()
	}
	subject := imap.SearchCriteriaHeaderField{Key: "Subject", Value: "PLAIN 3"}
	if uids := search(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{subject}}); !slices.Equal(uids, []imap.UID{4}) {
		t.Errorf("SEARCH SUBJECT: %v", uids)
	}
	if uids := search(&imap.SearchCriteria{Not: []imap.SearchCriteria{{Body: []string{"This is line 5"}}}, Larger: 10}); len(uids) != 8 {
		t.Errorf("SEARCH NOT BODY: %v", uids)
	}
	d := got[*imap.SearchData](t)(c.Search(&imap.SearchCriteria{}, &imap.SearchOptions{ReturnMin: true, ReturnMax: true, ReturnCount: true}).Wait())
	if d.Min != 1 || d.Max != 9 || d.Count != 9 {
		t.Errorf("ESEARCH: %+v", d)
	}
	must(t, c.Store(imap.UIDSetNum(1, 2), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close())
	if uids := search(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagDeleted}}); !slices.Equal(uids, []imap.UID{1, 2}) {
		t.Errorf("SEARCH DELETED: %v", uids)
	}
	if n := got[[]uint32](t)(c.UIDExpunge(imap.UIDSetNum(2, 3)).Collect()); !slices.Equal(n, []uint32{2}) {
		t.Errorf("UID EXPUNGE: %v", n)
	}
	if _, err := c.Copy(imap.UIDSetNum(4), "Archive").Wait(); err != nil {
		t.Error(err)
	}
	m := got[*imapclient.MoveData](t)(c.Move(imap.UIDSetNum(5, 6), "Archive").Wait())
	if m.DestUIDs == nil || m.DestUIDs.String() != "2:3" {
		t.Errorf("MOVE: %+v", m)
	}
	status := got[*imap.StatusData](t)(c.Status("Archive", &imap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, NumUnseen: true, Size: true}).Wait())
	if *status.NumMessages != 3 || status.UIDNext != 4 || *status.NumUnseen != 0 || *status.Size == 0 {
		t.Errorf("STATUS: %+v", status)
	}
	if uids := search(&imap.SearchCriteria{}); !slices.Equal(uids, []imap.UID{1, 3, 4, 7, 8, 9}) {
		t.Errorf("left: %v", uids)
	}
}

// goimapIdles waits for a message that another client brings.
func goimapIdles(t *testing.T, s *server, c *imapclient.Client, exists <-chan uint32) {
	idle := got[*imapclient.IdleCommand](t)(c.Idle())
	s.connect(anna).must(t, "APPEND Neu %s", literal("Subject: new\r\n\r\nnew\r\n"))
	deadline := time.After(patience)
	for n := uint32(0); n != 7; {
		select {
		case n = <-exists:
		case <-deadline:
			t.Fatal("IDLE tells nothing of a new message")
		}
	}
	must(t, idle.Close())
	must(t, idle.Wait())
	if c.Mailbox().NumMessages != 7 {
		t.Errorf("there are %d messages after IDLE", c.Mailbox().NumMessages)
	}
}
