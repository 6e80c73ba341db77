package goimap

import (
	"context"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailhavn/mailhavn/storage"
)

// storeOps are the operations of STORE.
var storeOps = map[imap.StoreFlagsOp]storage.StoreOp{
	imap.StoreFlagsSet: storage.SetFlags, imap.StoreFlagsAdd: storage.AddFlags, imap.StoreFlagsDel: storage.RemoveFlags,
}

// Store is STORE (RFC 9051, section 6.4.6).
func (s *Session) Store(w *imapserver.FetchWriter, numSet imap.NumSet, flags *imap.StoreFlags, _ *imap.StoreOptions) error {
	return s.inMailbox(writes, func(ctx context.Context, b *selected) error {
		uids, err := b.resolve(numSet)
		if err != nil {
			return err
		}
		change := storage.FlagChange{Op: storeOps[flags.Op]}
		if change.Flags, change.Keywords, err = parseFlags(flags.Flags); err != nil {
			return err
		}
		result, err := b.mbox.Store(ctx, uids, change)
		if err != nil {
			return err
		}
		now, err := b.mbox.View(ctx)
		if err != nil {
			return err
		}
		_, byUID := numSet.(imap.UIDSet)
		gone := false
		for seq, m := range b.view.Select(uids) {
			later, there := now.Seq(m.UID)
			if !there {
				gone = true
				continue
			}
			m2 := now.At(later)
			if flags.Silent {
				if m2.ModSeq == result.ModSeq && b.expected(b.known(m), m2, change) {
					b.tell(m2)
				}
				continue
			}
			b.tell(m2)
			resp := w.CreateMessage(uint32(seq))
			if byUID {
				resp.WriteUID(imap.UID(m.UID))
			}
			resp.WriteFlags(b.flags(m2))
			if err := resp.Close(); err != nil {
				return err
			}
		}
		if gone && !byUID {
			return errExpungeIssued
		}
		return nil
	})
}

// expected tells whether a client that knew what the message was knows what it is after its own change.
func (b *selected) expected(before, after *storage.Message, change storage.FlagChange) bool {
	flags, keywords := change.Flags, change.Keywords
	old := b.view.Keywords(before.Keywords)
	switch change.Op {
	case storage.AddFlags:
		flags |= before.Flags
		keywords = slices.Concat(old, keywords)
	case storage.RemoveFlags:
		flags = before.Flags &^ flags
		keywords = slices.DeleteFunc(slices.Clone(old), func(k string) bool { return contains(change.Keywords, k) })
	}
	now := b.view.Keywords(after.Keywords)
	return flags == after.Flags && within(keywords, now) && within(now, keywords)
}

// within tells whether all of a are in set.
func within(a, set []string) bool {
	return !slices.ContainsFunc(a, func(k string) bool { return !contains(set, k) })
}

// contains compares keywords without regard to case (RFC 9051, section 2.3.2).
func contains(set []string, keyword string) bool {
	return slices.ContainsFunc(set, func(k string) bool { return strings.EqualFold(k, keyword) })
}

// Expunge is EXPUNGE, UID EXPUNGE and CLOSE; Poll reports what is gone. CLOSE of a mailbox that is open for reading only is no error
// (RFC 9051, section 6.4.1).
func (s *Session) Expunge(_ *imapserver.ExpungeWriter, only *imap.UIDSet) error {
	a := writes
	if only == nil {
		a = reads
	}
	return s.inMailbox(a, func(ctx context.Context, b *selected) error {
		if b.readOnly {
			return nil
		}
		uids := everyUID
		if only != nil {
			uids = b.existing(*only)
		}
		_, _, err := b.mbox.Expunge(ctx, uids)
		return err
	})
}

// Copy is COPY (RFC 9051, section 6.4.7).
func (s *Session) Copy(numSet imap.NumSet, dest string) (data *imap.CopyData, err error) {
	err = s.inMailbox(adds, func(ctx context.Context, b *selected) error {
		data, err = s.transfer(ctx, b, (*storage.Mailbox).Copy, numSet, dest)
		return err
	})
	return data, err
}

// Move is MOVE (RFC 6851); Poll reports what is gone.
func (s *Session) Move(w *imapserver.MoveWriter, numSet imap.NumSet, dest string) error {
	return s.inMailbox(writes, func(ctx context.Context, b *selected) error {
		data, err := s.transfer(ctx, b, (*storage.Mailbox).Move, numSet, dest)
		if data == nil || err != nil {
			return err
		}
		return w.WriteCopyData(data)
	})
}

// transfer copies or moves messages, all or none. It returns nil where there was nothing to do.
func (s *Session) transfer(ctx context.Context, b *selected,
	do func(*storage.Mailbox, context.Context, storage.UIDSet, *storage.Mailbox) (storage.CopyResult, error), numSet imap.NumSet, dest string,
) (*imap.CopyData, error) {
	uids, err := b.resolve(numSet)
	if err != nil {
		return nil, err
	}
	to, err := s.account.Mailbox(dest)
	if err != nil {
		return nil, tryCreate(err)
	}
	if err := b.stillThere(ctx, numSet, uids); err != nil {
		return nil, err
	}
	r, err := do(b.mbox, ctx, uids, to)
	if err != nil || len(r.From) == 0 {
		return nil, tryCreate(err)
	}
	return &imap.CopyData{UIDValidity: r.UIDValidity, SourceUIDs: uidSet(r.From), DestUIDs: uidSet(r.To)}, nil
}

// stillThere fails when messages named by sequence numbers were expunged elsewhere. UIDs of messages that are gone are passed over
// (RFC 9051, section 6.4.9).
func (b *selected) stillThere(ctx context.Context, numSet imap.NumSet, uids storage.UIDSet) error {
	if _, byUID := numSet.(imap.UIDSet); byUID {
		return nil
	}
	now, err := b.mbox.View(ctx)
	if err != nil {
		return err
	}
	n := 0
	for range now.Select(uids) {
		n++
	}
	if n < uids.Len() {
		return errExpungeIssued
	}
	return nil
}

func uidSet(uids storage.UIDSet) imap.UIDSet {
	set := make(imap.UIDSet, len(uids))
	for i, r := range uids {
		set[i] = imap.UIDRange{Start: imap.UID(r.First), Stop: imap.UID(r.Last)}
	}
	return set
}
