package imapserver

import (
	"context"
	"strconv"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// transfer is storage.Mailbox.Copy or Move.
type transfer func(*storage.Mailbox, context.Context, storage.UIDSet, *storage.Mailbox) (storage.CopyResult, error)

// parseCopy is COPY and UID COPY (RFC 9051, section 6.4.7).
func parseCopy(c *conn) (action, error) {
	run, err := c.parseTransfer((*storage.Mailbox).Copy)
	if run == nil {
		return nil, err
	}
	return func(ctx context.Context) (reply, error) {
		r, err := run(ctx)
		if err != nil || len(r.From) == 0 {
			return reply{}, err
		}
		return reply{code: copyUID(r)}, nil
	}, nil
}

// parseTransfer reads the arguments of COPY and MOVE. All messages are copied or none (RFC 9051, section 6.4.7).
func (c *conn) parseTransfer(do transfer) (func(context.Context) (storage.CopyResult, error), error) {
	var set wire.NumSet
	var name string
	if !c.parseSet(&set) || !c.dec.ExpectSP() || !c.dec.ExpectMailbox(&name) {
		return nil, nil
	}
	byUID := c.byUID()
	return func(ctx context.Context) (storage.CopyResult, error) {
		s := c.selected
		uids, err := s.resolve(&set, byUID)
		if err != nil {
			return storage.CopyResult{}, err
		}
		to, err := c.mailbox(name)
		if err != nil {
			return storage.CopyResult{}, tryCreate(err)
		}
		if err := s.stillThere(ctx, uids, byUID); err != nil {
			return storage.CopyResult{}, err
		}
		if len(uids) == 0 {
			return storage.CopyResult{}, nil
		}
		r, err := do(s.mbox, ctx, uids, to)
		c.made(to, r.To)
		return r, tryCreate(err)
	}, nil
}

// stillThere fails when messages named by sequence numbers were expunged elsewhere. UIDs of messages that are gone are
// passed over (RFC 9051, section 6.4.9).
func (s *selected) stillThere(ctx context.Context, uids storage.UIDSet, byUID bool) error {
	if byUID {
		return nil
	}
	v, err := s.mbox.View(ctx)
	if err != nil {
		return err
	}
	n := 0
	for range v.Select(uids) {
		n++
	}
	if n < uids.Len() {
		return errExpungeIssued
	}
	return nil
}

// copyUID is the response code that maps old to new UIDs (RFC 9051, section 7.1; RFC 4315, section 3).
func copyUID(r storage.CopyResult) string {
	return "COPYUID " + strconv.FormatUint(uint64(r.UIDValidity), 10) + " " + r.From.String() + " " + r.To.String()
}

// parseExpunge is EXPUNGE (RFC 9051, section 6.4.3).
func parseExpunge(c *conn) (action, error) {
	return func(ctx context.Context) (reply, error) { return c.expunge(ctx, everyUID) }, nil
}

// expunge removes messages with \Deleted. The dispatcher reports them.
func (c *conn) expunge(ctx context.Context, uids storage.UIDSet) (reply, error) {
	_, _, err := c.selected.mbox.Expunge(ctx, uids)
	return reply{}, err
}
