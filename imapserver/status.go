package imapserver

import (
	"context"
	"math"

	"github.com/mailhavn/mailhavn/storage"
)

// A statusItem is an attribute of the STATUS command. All are known without reading messages.
type statusItem struct {
	name  string
	rfc   string
	value func(c *conn, info *storage.MailboxInfo, mbox *storage.Mailbox) uint64
	// text, if not nil, is instead of value, for what is no number.
	text func(c *conn, info *storage.MailboxInfo) string
	// asked, if not nil, runs when a client asks for the item.
	asked func(ctx context.Context, c *conn) error
}

func (s statusItem) key() string { return s.name }

// baseStatusItems are those of RFC 9051, section 6.3.11, and RECENT of RFC 3501, section 6.3.10.
func baseStatusItems() []statusItem {
	status := func(f func(*storage.Status) uint64) func(*conn, *storage.MailboxInfo, *storage.Mailbox) uint64 {
		return func(_ *conn, info *storage.MailboxInfo, _ *storage.Mailbox) uint64 { return f(&info.Status) }
	}
	const rfc = "RFC 9051, section 6.3.11"
	return []statusItem{
		{name: "MESSAGES", rfc: rfc, value: status(func(s *storage.Status) uint64 { return uint64(s.Messages) })},
		{name: "UIDNEXT", rfc: rfc, value: status(func(s *storage.Status) uint64 { return uint64(s.UIDNext) })},
		{name: "UIDVALIDITY", rfc: rfc, value: status(func(s *storage.Status) uint64 { return uint64(s.UIDValidity) })},
		{name: "UNSEEN", rfc: rfc, value: status(func(s *storage.Status) uint64 { return uint64(s.Unseen) })},
		{name: "DELETED", rfc: rfc, value: status(func(s *storage.Status) uint64 { return uint64(s.Deleted) })},
		{name: "RECENT", rfc: "RFC 3501, section 6.3.10", value: statusRecent},
	}
}

// statusRecent counts the messages that would be recent if the mailbox were selected now.
func statusRecent(c *conn, info *storage.MailboxInfo, mbox *storage.Mailbox) uint64 {
	from := mbox.Recent()
	if from >= info.UIDNext {
		return 0
	}
	v, err := mbox.View(c.ctx)
	if err != nil {
		return 0
	}
	seq, _ := v.Seq(from)
	return uint64(v.Len() + 1 - seq)
}

// parseStatus is STATUS (RFC 9051, section 6.3.11).
func parseStatus(c *conn) (action, error) {
	var name string
	if !c.dec.ExpectSP() || !c.dec.ExpectMailbox(&name) || !c.dec.ExpectSP() {
		return nil, nil
	}
	items, err := c.parseStatusItems()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (reply, error) {
		mbox, err := c.mailbox(name)
		if err != nil {
			return reply{}, err
		}
		if err := c.askStatus(ctx, items); err != nil {
			return reply{}, err
		}
		info, ok := mbox.Info()
		if !ok {
			return reply{}, storage.ErrNoMailbox
		}
		c.writeStatus(items, &info, mbox)
		return reply{}, nil
	}, nil
}

// parseStatusItems reads a list of items, which is not empty.
func (c *conn) parseStatusItems() ([]statusItem, error) {
	var items []statusItem
	var err error
	column := c.dec.Column()
	ok := c.dec.ExpectList(func() bool {
		column := c.dec.Column()
		var name []byte
		if !c.dec.ExpectKeyword(&name, "a status item") {
			return false
		}
		item, ok := c.registry.statusItems[string(name)]
		if !ok {
			err = badAt("unknown status item", column)
		}
		if len(items) == math.MaxUint8 {
			return c.dec.Expected("fewer status items")
		}
		items = append(items, item)
		return ok
	})
	if ok && len(items) == 0 {
		err = badAt("expected a status item", column+1)
	}
	return items, err
}

// askStatus does what asking for items entails.
func (c *conn) askStatus(ctx context.Context, items []statusItem) error {
	for _, item := range items {
		if item.asked != nil {
			if err := item.asked(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeStatus writes a STATUS response (RFC 9051, section 7.3.4).
func (c *conn) writeStatus(items []statusItem, info *storage.MailboxInfo, mbox *storage.Mailbox) {
	c.enc.Raw("* STATUS ").Mailbox(info.Name).SP()
	c.enc.List(len(items), func(i int) {
		item := &items[i]
		if c.enc.Raw(item.name).SP(); item.text != nil {
			c.enc.Raw(item.text(c, info))
		} else {
			c.enc.Uint64(item.value(c, info, mbox))
		}
	})
	c.enc.CRLF()
}
