package goimap

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailhavn/mailhavn/storage"
)

// maxFetchItems bounds the sections of one FETCH.
const maxFetchItems = 1000

// seenBatch is how many messages a FETCH of texts marks \Seen in one step, before it sends them: few enough that a client that
// goes away in the middle finds little marked that it has not got.
const seenBatch = 32

// fetching is a FETCH while it runs.
type fetching struct {
	reading
	s       *Session
	b       *selected
	w       *imapserver.FetchWriter
	options *imap.FetchOptions
	now     *storage.View  // of the mailbox
	seen    storage.UIDSet // marked \Seen by this command
	failed  error          // why some messages were left out
}

// Fetch is FETCH (RFC 9051, section 6.4.5). Of messages that others have removed, it still tells what is in the view; where a text is wanted,
// the message is left out, and the answer is NO [EXPUNGEISSUED].
func (s *Session) Fetch(w *imapserver.FetchWriter, numSet imap.NumSet, options *imap.FetchOptions) error {
	return s.inMailbox(reads, func(ctx context.Context, b *selected) error {
		if len(options.BodySection)+len(options.BinarySection)+len(options.BinarySectionSize) > maxFetchItems {
			return no(imap.ResponseCodeLimit, "Too many sections")
		}
		uids, err := b.resolve(numSet)
		if err != nil {
			return err
		}
		f := &fetching{reading: reading{ctx: ctx, mbox: b.mbox}, s: s, b: b, w: w, options: options}
		defer f.close()
		batch := math.MaxInt
		marks := !b.readOnly && setsSeen(options)
		if marks {
			batch = seenBatch
		}
		for some := range slices.Chunk(slices.Collect(uids.All()), batch) {
			if err := f.messages(storage.NewUIDSet(some...), marks); err != nil {
				return err
			}
		}
		return f.failed
	})
}

// setsSeen tells whether the client gets texts that it thereby has seen.
func setsSeen(o *imap.FetchOptions) bool {
	return slices.ContainsFunc(o.BodySection, func(b *imap.FetchItemBodySection) bool { return !b.Peek }) ||
		slices.ContainsFunc(o.BinarySection, func(b *imap.FetchItemBinarySection) bool { return !b.Peek })
}

// messages answers for messages of the view.
func (f *fetching) messages(uids storage.UIDSet, marks bool) (err error) {
	if marks {
		result, err := f.mbox.Store(f.ctx, uids, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Seen})
		if err != nil {
			return err
		}
		f.seen = result.Changed
	}
	if f.now, err = f.mbox.View(f.ctx); err != nil {
		return err
	}
	for seq, m := range f.b.view.Select(uids) {
		f.next(f.b.present(f.now, m))
		items, err := f.prepare()
		switch {
		case errors.Is(err, storage.ErrExpunged):
			f.failed = errExpungeIssued
		case err != nil: // this one is left out
			f.failed = cmp.Or(f.failed, err)
		default:
			if err := f.write(uint32(seq), items); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes the FETCH response of the present message. A failure ends the connection, since the client knows what was to come.
func (f *fetching) write(seq uint32, items []item) error {
	o, m := f.options, f.m
	w := f.w.CreateMessage(seq)
	if o.UID {
		w.WriteUID(imap.UID(m.UID))
	}
	if o.Flags || f.seen.Contains(m.UID) {
		w.WriteFlags(f.b.flags(m))
		f.b.tell(m)
	}
	if o.InternalDate {
		w.WriteInternalDate(time.Unix(m.InternalDate, 0).UTC())
	}
	if o.RFC822Size {
		w.WriteRFC822Size(int64(m.Size))
	}
	if o.Envelope {
		w.WriteEnvelope(envelope(parseList(f.summary.AppendEnvelope(nil))))
	}
	if o.BodyStructure != nil {
		w.WriteBodyStructure(bodyStructure(parseList(f.summary.AppendBodyStructure(nil))))
	}
	var err error
	for _, write := range items {
		if err = write(w); err != nil {
			break
		}
	}
	if err := cmp.Or(err, w.Close()); err != nil {
		f.s.conn.NetConn().Close()
		return err
	}
	return nil
}
