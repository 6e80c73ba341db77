package goimap_test

import (
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

const letter = "MIME-Version: 1.0\r\nMessage-Id: <1@example.com>\r\nSubject: =?utf-8?q?bl=C3=A5b=C3=A6r?=\r\nFrom: A <a@example.com>\r\n" +
	"Date: Sun, 01 Feb 2026 12:00:00 +0100\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nDette er brevet mitt!\r\n"

// TestScenarios is what go-imap's own tests do with its client, and what they leave out.
func TestScenarios(t *testing.T) {
	for name, scenario := range map[string]func(*testing.T, *testServer){
		"login and logout": func(t *testing.T, s *testServer) {
			c := s.login(t, s.goimap, "", nil)
			if c.State() != imap.ConnStateAuthenticated {
				t.Error(c.State())
			}
			must(t, c.Logout().Wait())
			must(t, c.Close())
		},
		"authenticate": func(t *testing.T, s *testServer) {
			c := s.client(t, s.goimap, nil)
			must(t, c.Authenticate(sasl.NewPlainClient("", user, password)))
			if !c.Caps().Has(imap.CapUIDPlus) || c.State() != imap.ConnStateAuthenticated {
				t.Error(c.Caps(), c.State())
			}
		},
		"starttls": func(t *testing.T, s *testServer) {
			conn, err := net.Dial("tcp", s.goimap.Addr().String())
			must(t, err)
			c, err := imapclient.NewStartTLS(conn, &imapclient.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true}})
			must(t, err)
			defer c.Close()
			must(t, c.Login(user, password).Wait())
			must(t, c.Noop().Wait())
		},
		"close while connected": func(t *testing.T, s *testServer) {
			c := s.login(t, s.goimap, "", nil)
			must(t, c.Close())
			select {
			case <-c.Closed():
			case <-time.After(patience):
				t.Error("not closed")
			}
		},
		"create and list":   createAndList,
		"list with status":  listWithStatus,
		"status and select": statusAndSelect,
		"fetch":             fetchScenario,
		"store and expunge": storeAndExpunge,
		"search":            searchScenario,
		"copy and move":     copyAndMove,
		"idle": func(t *testing.T, s *testServer) {
			c := s.login(t, s.goimap, "INBOX", nil)
			idle, err := c.Idle()
			must(t, err)
			must(t, idle.Close())
			must(t, idle.Wait())
			must(t, c.Noop().Wait())
		},
		"idle, connection closed": func(t *testing.T, s *testServer) {
			c := s.login(t, s.goimap, "INBOX", nil)
			idle, err := c.Idle()
			must(t, err)
			must(t, c.Close())
			if idle.Wait() == nil {
				t.Error("no error")
			}
		},
		"idle without a mailbox": func(t *testing.T, s *testServer) {
			c := s.login(t, s.goimap, "", nil)
			idle, err := c.Idle()
			must(t, err)
			must(t, idle.Close())
			must(t, idle.Wait())
		},
		"namespace": func(t *testing.T, s *testServer) {
			data, err := s.login(t, s.goimap, "", nil).Namespace().Wait()
			must(t, err)
			if len(data.Personal) != 1 || data.Personal[0].Delim != '/' || data.Other != nil || data.Shared != nil {
				t.Errorf("%+v", data)
			}
		},
		"unauthenticate": func(t *testing.T, s *testServer) {
			c := s.login(t, s.goimap, "INBOX", nil)
			must(t, c.Unauthenticate().Wait())
			if c.Select("INBOX", nil).Wait(); c.State() != imap.ConnStateNotAuthenticated {
				t.Error(c.State())
			}
			must(t, c.Login(user, password).Wait())
		},
	} {
		t.Run(name, func(t *testing.T) { scenario(t, newServer(t)) })
	}
}

func createAndList(t *testing.T, s *testServer) {
	for _, utf8 := range []bool{false, true} {
		c := s.login(t, s.goimap, "", nil)
		if utf8 {
			_, err := c.Enable(imap.CapUTF8Accept).Wait()
			must(t, err)
		}
		for _, name := range []string{"Test mailbox", "Cafè", "Angus & Julia", "a/b/c"} {
			must(t, c.Create(name, nil).Wait())
			list, err := c.List("", name, nil).Collect()
			must(t, err)
			if len(list) != 1 || list[0].Mailbox != name || list[0].Delim != '/' {
				t.Errorf("%+v", list)
			}
			must(t, c.Rename(name, name+"2", nil).Wait())
			must(t, c.Delete(name+"2").Wait())
		}
	}
	c := s.login(t, s.goimap, "", nil)
	for _, name := range []string{"Sent", "Drafts", "Trash", "Junk", "Archive"} { // a new account has them
		must(t, c.Delete(name).Wait())
	}
	must(t, c.Create("Sendt", &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{imap.MailboxAttrSent}}).Wait())
	if c.Create("Sendt2", &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{imap.MailboxAttrSent}}).Wait() == nil {
		t.Error("a second mailbox for \\Sent")
	}
	must(t, c.Subscribe("a/b").Wait())
	special, err := c.List("", "*", &imap.ListOptions{SelectSpecialUse: true, ReturnChildren: true}).Collect()
	must(t, err)
	if len(special) != 1 || special[0].Mailbox != "Sendt" || !slices.Contains(special[0].Attrs, imap.MailboxAttrSent) ||
		!slices.Contains(special[0].Attrs, imap.MailboxAttrHasNoChildren) {
		t.Errorf("%+v", special)
	}
	recursive, err := c.List("", "a%", &imap.ListOptions{SelectSubscribed: true, SelectRecursiveMatch: true}).Collect()
	must(t, err)
	if len(recursive) != 1 || recursive[0].Mailbox != "a" || recursive[0].ChildInfo == nil {
		t.Errorf("%+v", recursive)
	}
	must(t, c.Unsubscribe("a/b").Wait())
}

func listWithStatus(t *testing.T, s *testServer) {
	c := s.login(t, s.goimap, "", nil)
	add(t, c, "INBOX", letter, nil)
	list, err := c.List("", "IN%", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true, UIDNext: true}}).Collect()
	must(t, err)
	if len(list) != 1 || len(list[0].Attrs) != 0 || *list[0].Status.NumMessages != 1 || list[0].Status.UIDNext != 2 {
		t.Errorf("%+v", list[0])
	}
}

func statusAndSelect(t *testing.T, s *testServer) {
	c := s.login(t, s.goimap, "", nil)
	add(t, c, "INBOX", letter, &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen, imap.FlagDeleted}})
	add(t, c, "INBOX", letter, &imap.AppendOptions{Flags: []imap.Flag{"$Etikett"}})
	st, err := c.Status("INBOX", &imap.StatusOptions{
		NumMessages: true, NumUnseen: true, NumDeleted: true, Size: true, UIDNext: true, UIDValidity: true, AppendLimit: true, DeletedStorage: true,
	}).Wait()
	must(t, err)
	if *st.NumMessages != 2 || *st.NumUnseen != 1 || *st.NumDeleted != 1 || *st.Size != int64(2*len(letter)) || st.UIDNext != 3 ||
		*st.AppendLimit != 64<<20 || *st.DeletedStorage != int64(len(letter)) {
		t.Errorf("%+v", st)
	}
	sel, err := c.Select("INBOX", nil).Wait()
	must(t, err)
	if sel.NumMessages != 2 || sel.UIDNext != 3 || sel.UIDValidity != st.UIDValidity || !slices.Contains(sel.Flags, "$Etikett") ||
		!slices.Contains(sel.PermanentFlags, imap.FlagWildcard) {
		t.Errorf("%+v", sel)
	}
	sel, err = c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	must(t, err)
	if len(sel.PermanentFlags) != 0 {
		t.Errorf("%+v", sel)
	}
	must(t, c.UnselectAndExpunge().Wait()) // CLOSE, which removes nothing here
	if _, err := c.Select("mangler", nil).Wait(); err == nil || c.State() != imap.ConnStateAuthenticated {
		t.Error(err, c.State())
	}
	sel, err = c.Select("INBOX", nil).Wait()
	must(t, err)
	must(t, c.UnselectAndExpunge().Wait())
	st, err = c.Status("INBOX", &imap.StatusOptions{NumMessages: true}).Wait()
	must(t, err)
	if sel.NumMessages != 2 || *st.NumMessages != 1 {
		t.Errorf("%d messages, then %d", sel.NumMessages, *st.NumMessages)
	}
}

func fetchScenario(t *testing.T, s *testServer) {
	c := s.login(t, s.goimap, "INBOX", nil)
	date := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	added := add(t, c, "INBOX", letter, &imap.AppendOptions{Flags: []imap.Flag{imap.FlagFlagged, "$Etikett"}, Time: date})
	whole := &imap.FetchItemBodySection{}
	peek := &imap.FetchItemBodySection{Peek: true}
	subject := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"subject"}, Peek: true}
	part := &imap.FetchItemBodySection{Part: []int{1}, Partial: &imap.SectionPartial{Offset: 6, Size: 2}, Peek: true}
	binary := &imap.FetchItemBinarySection{Part: []int{1}, Peek: true}
	items := &imap.FetchOptions{
		Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, Flags: true, InternalDate: true, RFC822Size: true, UID: true,
		BodySection: []*imap.FetchItemBodySection{peek, subject, part}, BinarySection: []*imap.FetchItemBinarySection{binary},
		BinarySectionSize: []*imap.FetchItemBinarySectionSize{{Part: []int{1}}},
	}
	for _, set := range []imap.NumSet{imap.SeqSetNum(1), imap.UIDSetNum(added.UID), imap.SeqSet{{Start: 1}}} {
		list, err := c.Fetch(set, items).Collect()
		must(t, err)
		if len(list) != 1 {
			t.Fatalf("%d messages", len(list))
		}
		m := list[0]
		if e := m.Envelope; e.Subject != "blåbær" || e.MessageID != "1@example.com" || e.From[0].Addr() != "a@example.com" ||
			e.ReplyTo[0].Name != "A" || !e.Date.Equal(date.Add(-time.Hour)) {
			t.Errorf("ENVELOPE %+v", e)
		}
		if bs, ok := m.BodyStructure.(*imap.BodyStructureSinglePart); !ok || bs.Params["charset"] != "utf-8" || bs.Text.NumLines != 1 {
			t.Errorf("BODYSTRUCTURE %+v", m.BodyStructure)
		}
		if m.UID != added.UID || !m.InternalDate.Equal(date) || m.RFC822Size != int64(len(letter)) || slices.Contains(m.Flags, imap.FlagSeen) ||
			!slices.Contains(m.Flags, imap.FlagFlagged) || !slices.Contains(m.Flags, "$Etikett") {
			t.Errorf("%+v", m)
		}
		if string(m.FindBodySection(peek)) != letter || string(m.FindBodySection(part)) != "er" ||
			string(m.FindBodySection(subject)) != "Subject: =?utf-8?q?bl=C3=A5b=C3=A6r?=\r\n\r\n" ||
			string(m.FindBinarySection(binary)) != "Dette er brevet mitt!\r\n" || m.BinarySectionSize[0].Size != 23 {
			t.Errorf("texts %+v", m)
		}
	}
	list, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	must(t, err)
	if !slices.Contains(list[0].Flags, imap.FlagSeen) || string(list[0].FindBodySection(whole)) != letter {
		t.Errorf("%+v", list[0])
	}
	must(t, c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{peek}}).Close()) // not read
	if _, err := c.Fetch(imap.SeqSetNum(7), items).Collect(); err == nil {
		t.Error("no error for a message that is not there")
	}
}

func storeAndExpunge(t *testing.T, s *testServer) {
	c := s.login(t, s.goimap, "", nil)
	for range 4 {
		add(t, c, "INBOX", letter, nil)
	}
	_, err := c.Select("INBOX", nil).Wait()
	must(t, err)
	if gone, err := c.Expunge().Collect(); err != nil || len(gone) != 0 {
		t.Error(gone, err)
	}
	deleted := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted, "$Vekk"}}
	list, err := c.Store(imap.SeqSet{{Start: 2, Stop: 3}}, deleted, nil).Collect()
	must(t, err)
	if len(list) != 2 || list[0].SeqNum != 2 || !slices.Contains(list[1].Flags, imap.FlagDeleted) || !slices.Contains(list[1].Flags, "$Vekk") {
		t.Errorf("%+v", list)
	}
	silent := *deleted
	silent.Silent = true
	if list, err := c.Store(imap.UIDSetNum(4), &silent, nil).Collect(); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	if gone, err := c.UIDExpunge(imap.UIDSetNum(1, 3)).Collect(); err != nil || !slices.Equal(gone, []uint32{3}) {
		t.Error(gone, err)
	}
	if gone, err := c.Expunge().Collect(); err != nil || !slices.Equal(gone, []uint32{2, 2}) {
		t.Error(gone, err)
	}
	removed := &imap.StoreFlags{Op: imap.StoreFlagsDel, Flags: []imap.Flag{`\SEEN`}}
	must(t, c.Store(imap.SeqSetNum(1), removed, nil).Close())
	if err := c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Flags: []imap.Flag{`\Recent`}}, nil).Close(); err == nil {
		t.Error(`\Recent was stored`)
	}
	_, err = c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	must(t, err)
	if c.Store(imap.SeqSetNum(1), deleted, nil).Close() == nil {
		t.Error("stored in a mailbox that is open for reading only")
	}
}

func searchScenario(t *testing.T, s *testServer) {
	c := s.login(t, s.goimap, "", nil)
	for i := range 5 {
		flags := []imap.Flag{imap.FlagSeen}
		add(t, c, "INBOX", strings.Replace(letter, "1@", string(rune('a'+i))+"@", 1), &imap.AppendOptions{Flags: flags[:i%2]})
	}
	_, err := c.Select("INBOX", nil).Wait()
	must(t, err)
	data, err := c.Search(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-Id", Value: "<c@example.com>"}}}, nil).Wait()
	must(t, err)
	if !slices.Equal(data.AllSeqNums(), []uint32{3}) {
		t.Errorf("%+v", data)
	}
	seen := &imap.SearchCriteria{Flag: []imap.Flag{imap.FlagSeen}}
	data, err = c.UIDSearch(seen, &imap.SearchOptions{ReturnMin: true, ReturnMax: true, ReturnCount: true, ReturnAll: true}).Wait()
	must(t, err)
	if data.Min != 2 || data.Max != 4 || data.Count != 2 || data.All.String() != "2,4" {
		t.Errorf("%+v", data)
	}
	data, err = c.Search(&imap.SearchCriteria{Text: []string{"BLÅBÆR"}, Not: []imap.SearchCriteria{*seen}}, nil).Wait()
	must(t, err)
	if !slices.Equal(data.AllSeqNums(), []uint32{1, 3, 5}) {
		t.Errorf("%+v", data)
	}
}

func copyAndMove(t *testing.T, s *testServer) {
	c := s.login(t, s.goimap, "", nil)
	for range 3 {
		add(t, c, "INBOX", letter, &imap.AppendOptions{Flags: []imap.Flag{"$Etikett"}})
	}
	must(t, c.Create("Arkiv", nil).Wait())
	_, err := c.Select("INBOX", nil).Wait()
	must(t, err)
	copied, err := c.Copy(imap.SeqSet{{Start: 1, Stop: 2}}, "Arkiv").Wait()
	must(t, err)
	moved, err := c.Move(imap.UIDSetNum(1, 3), "Arkiv").Wait()
	must(t, err)
	if copied.SourceUIDs.String() != "1:2" || copied.DestUIDs.String() != "1:2" || moved.SourceUIDs.(imap.UIDSet).String() != "1,3" ||
		moved.DestUIDs.(imap.UIDSet).String() != "3:4" {
		t.Errorf("%+v, %+v", copied, moved)
	}
	if n := c.Mailbox().NumMessages; n != 1 {
		t.Errorf("%d messages are left", n)
	}
	if _, err := c.Copy(imap.SeqSetNum(1), "mangler").Wait(); err == nil || !strings.Contains(err.Error(), "TRYCREATE") {
		t.Error(err)
	}
	if _, err := c.Copy(imap.UIDSetNum(99), "Arkiv").Wait(); err != nil {
		t.Error(err)
	}
}
