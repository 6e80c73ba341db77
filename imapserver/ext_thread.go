package imapserver

import (
	"context"
	"errors"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
)

// extThread is SEARCH that answers with conversations (RFC 5256).
func extThread() extension {
	const rfc = "RFC 5256, section 3"
	return extension{
		file: "thread",
		capabilities: []capability{
			{name: "THREAD=ORDEREDSUBJECT", rfc: "RFC 5256, section 1"},
			{name: "THREAD=REFERENCES", rfc: "RFC 5256, section 1"},
		},
		commands: []command{
			{"THREAD", rfc, selectedState, byNumber, parseThread},
			{"UID THREAD", rfc, selectedState, byUID | maySendExpunge, parseThread},
		},
	}
}

// threadAlgorithms are the ways to put messages, which are in the order of the mailbox, into a forest.
var threadAlgorithms = map[string]func([]threadMessage) *forest{
	"ORDEREDSUBJECT": threadBySubject,
	"REFERENCES":     threadByReferences,
}

// threadMessage is what threading looks at.
type threadMessage struct {
	number     uint32 // as it is to be shown
	date       int64
	subject    string // base subject, folded
	reply      bool   // the subject is that of a reply or forward
	id         string // "" if there is none
	references []string
}

// parseThread is THREAD and UID THREAD.
func parseThread(c *conn) (action, error) {
	s := c.newSearch()
	s.passes = 2
	d := c.dec
	column := d.Column() + 1
	var name []byte
	if !d.ExpectSP() || !d.ExpectKeyword(&name, "a threading algorithm") {
		return nil, nil
	}
	thread, ok := threadAlgorithms[string(name)]
	if !ok {
		return nil, badAt("unknown threading algorithm", column)
	}
	if !d.ExpectSP() {
		return nil, nil
	}
	if err := c.parseCharset(s); err != nil {
		return nil, err
	}
	if err := s.parseKeys(c); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (reply, error) { return c.thread(ctx, s, thread) }, nil
}

func (c *conn) thread(ctx context.Context, s *search, thread func([]threadMessage) *forest) (r reply, err error) {
	if err := c.enable(ctx, s.enable); err != nil {
		return r, err
	}
	c.holdExpunge = s.usesSeq
	f, err := s.run(ctx, c, c.selected)
	if err != nil {
		return r, err
	}
	messages, err := c.threadMessages(ctx, s, f)
	if err != nil {
		return r, err
	}
	c.enc.Raw("* THREAD")
	if len(messages) > 0 {
		c.enc.SP()
		thread(messages).write(c.enc, messages)
	}
	c.enc.CRLF()
	if f.expunged {
		r.code = "EXPUNGEISSUED"
	}
	return r, nil
}

// threadMessages reads what threading needs of the messages that were found.
func (c *conn) threadMessages(ctx context.Context, s *search, f *found) ([]threadMessage, error) {
	out := make([]threadMessage, 0, f.count)
	m := &candidate{reading: reading{conn: c, ctx: ctx, in: s.in}}
	defer m.close()
	var header collector
	var buf []byte
	n := s.in.view.len()
	for seq, row := range s.in.view.sel(f.uids) {
		m.next(row)
		if err := c.goesOn(ctx, n+seq, s.passes*n); err != nil {
			return nil, err
		}
		if err := m.fields(&header, referenceFields); errors.Is(err, storage.ErrExpunged) {
			f.expunged = true
			continue
		} else if err != nil {
			return nil, err
		}
		e := m.summary.Envelope()
		t := threadMessage{number: s.number(seq, row), date: m.sentDate()}
		var base []byte
		base, t.reply = message.BaseSubject(buf[:0], e.Subject)
		t.subject = string(message.AppendFolded(nil, base))
		buf = base
		for id := range message.MessageIDs(e.MessageID) {
			t.id = string(id)
			break
		}
		t.references = references(header.b, e.InReplyTo)
		out = append(out, t)
	}
	return out, nil
}

var referenceFields = message.NewFieldSet("References")

// maxReferences bounds the references of one message that count: the last ones.
const maxReferences = 1000

// references returns the identifiers in the References fields, or, if there are none, the first of In-Reply-To.
func references(header, inReplyTo []byte) []string {
	var ids []string
	for _, body := range message.Fields(header) {
		for id := range message.MessageIDs(body) {
			ids = append(ids, string(id))
		}
	}
	if len(ids) == 0 {
		for id := range message.MessageIDs(inReplyTo) {
			return []string{string(id)}
		}
	}
	return ids[max(0, len(ids)-maxReferences):]
}
