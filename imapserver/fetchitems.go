package imapserver

import (
	"time"

	"github.com/mailhavn/mailhavn/storage/message"
)

// baseFetchItems are the data items of RFC 9051, section 6.4.5, and those of RFC 3501, section 6.4.5, which it left out.
func baseFetchItems() []fetchItem {
	const rev1, rev2 = "RFC 3501, section 6.4.5", "RFC 9051, section 6.4.5"
	return []fetchItem{
		{"UID", rev2, func(_ *conn, f *fetch) error { f.uid = true; return nil }},
		{"FLAGS", rev2, func(_ *conn, f *fetch) error { f.flags = true; return nil }},
		{"INTERNALDATE", rev2, column(writeInternalDate)},
		{"RFC822.SIZE", rev2, column(writeSize)},
		{"ENVELOPE", rev2, summarized("ENVELOPE ", message.Summary.AppendEnvelope)},
		{"BODYSTRUCTURE", rev2, summarized("BODYSTRUCTURE ", message.Summary.AppendBodyStructure)},
		{"BODY", rev2, parseBody},
		{"BODY.PEEK", rev2, parseBodyPeek},
		{"RFC822", rev1, wholeText("RFC822 ", message.Whole, true)},
		{"RFC822.HEADER", rev1, wholeText("RFC822.HEADER ", message.Header, false)},
		{"RFC822.TEXT", rev1, wholeText("RFC822.TEXT ", message.Text, true)},
	}
}

// column is an item that is known without reading anything.
func column(write func(*fetching)) func(*conn, *fetch) error {
	return func(_ *conn, f *fetch) error {
		f.items = append(f.items, fetchData{write: write})
		return nil
	}
}

func writeInternalDate(f *fetching) {
	f.conn.enc.Raw("INTERNALDATE ").DateTime(time.Unix(f.m.InternalDate, 0).UTC())
}

func writeSize(f *fetching) { f.conn.enc.Raw("RFC822.SIZE ").Number(f.m.Size) }

// summarized is an item that is in the summary, in IMAP syntax.
func summarized(name string, value func(message.Summary, []byte) []byte) func(*conn, *fetch) error {
	data := fetchData{prepare: (*fetching).summarize, write: func(f *fetching) {
		f.scratch = value(f.summary, f.scratch[:0])
		f.conn.enc.Raw(name)
		f.conn.enc.Write(f.scratch)
	}}
	return func(_ *conn, f *fetch) error {
		f.items = append(f.items, data)
		return nil
	}
}

// wholeText is a section of the whole message under an old name.
func wholeText(name string, what message.Specifier, setsSeen bool) func(*conn, *fetch) error {
	return func(_ *conn, f *fetch) error {
		f.setsSeen = f.setsSeen || setsSeen
		s := section{name: name, what: what}
		f.items = append(f.items, s.data())
		return nil
	}
}

// parseBody reads BODY, which is BODYSTRUCTURE without extension data, or BODY[section].
func parseBody(c *conn, f *fetch) error {
	if !c.dec.Byte('[') {
		return summarized("BODY ", message.Summary.AppendBody)(c, f)
	}
	f.setsSeen = true
	return c.parseSection(f)
}

func parseBodyPeek(c *conn, f *fetch) error {
	c.dec.ExpectByte('[')
	return c.parseSection(f)
}
