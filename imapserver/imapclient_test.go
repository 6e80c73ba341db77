package imapserver

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// TestImapclient lets another project's client work with the server: what a mail program does in a day.
func TestImapclient(t *testing.T) {
	s := newTestServer(t, nil)
	user, password := s.newAccount(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	news := make(chan uint32, 10)
	dial := func(options *imapclient.Options) *imapclient.Client {
		conn, err := s.dialTLS()
		must(err)
		c := imapclient.New(conn, options)
		must(c.Authenticate(sasl.NewPlainClient("", user, password)))
		_, err = c.Enable(imap.CapIMAP4rev2).Wait() // it writes names in UTF-8
		must(err)
		return c
	}
	c := dial(nil)
	defer c.Close()
	watcher := dial(&imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				news <- *data.NumMessages
			}
		},
	}})
	defer watcher.Close()
	_, err := watcher.Select("INBOX", nil).Wait()
	must(err)
	idle, err := watcher.Idle()
	must(err)

	must(c.Create("Projekt/Ærlig", nil).Wait())
	list, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}}).Collect()
	must(err)
	if !slices.ContainsFunc(list, func(l *imap.ListData) bool {
		return l.Mailbox == "Projekt/Ærlig" && l.Delim == '/' && l.Status != nil && *l.Status.NumMessages == 0
	}) {
		t.Errorf("LIST: %+v", list)
	}
	const text = "Subject: =?utf-8?q?bl=C3=A5b=C3=A6r?=\r\nFrom: A <a@example.com>\r\n\r\nhello\r\n"
	date := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	add := c.Append("INBOX", int64(len(text)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagFlagged, "$Label"}, Time: date})
	io.WriteString(add, text)
	must(add.Close())
	added, err := add.Wait()
	must(err)
	if added.UID != 1 || added.UIDValidity == 0 {
		t.Errorf("APPENDUID %+v", added)
	}
	select {
	case n := <-news:
		if n != 1 {
			t.Errorf("IDLE told of %d messages", n)
		}
	case <-time.After(patience):
		t.Error("IDLE told nothing")
	}
	must(idle.Close())
	must(idle.Wait())

	selected, err := c.Select("INBOX", nil).Wait()
	must(err)
	if selected.NumMessages != 1 || selected.UIDNext != 2 || selected.HighestModSeq == 0 {
		t.Errorf("SELECT %+v", selected)
	}
	found, err := c.UIDSearch(&imap.SearchCriteria{
		Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "BLÅBÆR"}}, Since: date, Flag: []imap.Flag{"$label"},
	}, &imap.SearchOptions{ReturnAll: true, ReturnCount: true}).Wait()
	must(err)
	if found.Count != 1 || found.All.String() != "1" {
		t.Errorf("SEARCH %+v", found)
	}
	whole := &imap.FetchItemBodySection{}
	messages, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{
		Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, Flags: true, InternalDate: true, RFC822Size: true,
		UID: true, BodySection: []*imap.FetchItemBodySection{whole}, ModSeq: true,
	}).Collect()
	must(err)
	if m := messages[0]; len(messages) != 1 || m.Envelope.Subject != "blåbær" || !m.InternalDate.Equal(date) || m.RFC822Size != int64(len(text)) ||
		string(m.FindBodySection(whole)) != text || !slices.Contains(m.Flags, imap.FlagSeen) || m.ModSeq == 0 || m.BodyStructure.MediaType() != "text/plain" {
		t.Errorf("FETCH %+v", messages)
	}
	sorted, err := c.UIDSort(&imapclient.SortOptions{
		SearchCriteria: &imap.SearchCriteria{}, SortCriteria: []imapclient.SortCriterion{{Key: imapclient.SortKeySubject, Reverse: true}},
	}).Wait()
	must(err)
	if !slices.Equal(sorted, []uint32{1}) {
		t.Errorf("SORT %v", sorted)
	}
	threads, err := c.UIDThread(&imapclient.ThreadOptions{Algorithm: imap.ThreadReferences, SearchCriteria: &imap.SearchCriteria{}}).Wait()
	must(err)
	if len(threads) != 1 || !slices.Equal(threads[0].Chain, []uint32{1}) {
		t.Errorf("THREAD %+v", threads)
	}
	since := messages[0].ModSeq
	changed := func() int {
		list, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{UID: true, ChangedSince: since}).Collect()
		must(err)
		return len(list)
	}
	before := changed()
	answered := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagAnswered}}
	stored, err := c.Store(imap.SeqSetNum(1), answered, &imap.StoreOptions{UnchangedSince: since}).Collect()
	must(err)
	if len(stored) != 1 || stored[0].ModSeq <= since || before != 0 || changed() != 1 {
		t.Errorf("CONDSTORE since %d: %+v", since, stored)
	}
	copied, err := c.Copy(imap.SeqSetNum(1), "Projekt/Ærlig").Wait()
	must(err)
	if copied.DestUIDs.String() != "1" {
		t.Errorf("COPYUID %+v", copied)
	}
	_, err = c.Move(imap.UIDSetNum(1), "Trash").Wait()
	must(err)
	status, err := c.Status("Trash", &imap.StatusOptions{NumMessages: true, Size: true, NumUnseen: true}).Wait()
	must(err)
	if *status.NumMessages != 1 || *status.Size != int64(len(text)) || *status.NumUnseen != 0 {
		t.Errorf("STATUS %+v", status)
	}
	_, err = c.Select("Trash", nil).Wait()
	must(err)
	must(c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close())
	gone, err := c.UIDExpunge(imap.UIDSetNum(1)).Collect()
	must(err)
	if !slices.Equal(gone, []uint32{1}) {
		t.Errorf("EXPUNGE %v", gone)
	}
	space, err := c.Namespace().Wait()
	must(err)
	if len(space.Personal) != 1 || space.Personal[0].Delim != '/' {
		t.Errorf("NAMESPACE %+v", space)
	}
	if _, err := c.Select("missing", nil).Wait(); err == nil || !strings.Contains(err.Error(), "No such mailbox") {
		t.Errorf("SELECT missing: %v", err)
	}
	must(c.Logout().Wait())
}
