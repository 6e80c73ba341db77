package imapserver

import (
	"context"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
	"github.com/mailhavn/mailhavn/storage"
)

// creation is a CREATE command.
type creation struct {
	name string
	use  storage.SpecialUse
}

// parseCreate is CREATE (RFC 9051, section 6.3.4), with parameters (RFC 4466, section 2.2). A separator at the end says that the
// client will make mailboxes below: that is possible anyhow.
func parseCreate(c *conn) (action, error) {
	var cr creation
	if !c.dec.ExpectSP() || !c.dec.ExpectMailbox(&cr.name) {
		return nil, nil
	}
	if c.dec.SP() {
		found, err := parseModifiers(c, c.registry.createParams, &cr)
		if !found || err != nil {
			c.dec.Expected("parameters")
			return nil, err
		}
	}
	cr.name = names.TrimSeparator(cr.name)
	return func(ctx context.Context) (reply, error) { return c.create(ctx, cr) }, nil
}

func (c *conn) create(ctx context.Context, cr creation) (r reply, err error) {
	if err := creatable(cr.name); err != nil {
		return r, err
	}
	mbox, err := c.identity.account.CreateMailbox(ctx, cr.name, cr.use)
	if err != nil {
		return r, err
	}
	for _, e := range c.registry.extensions {
		if e.created != nil {
			r.code = e.created(mbox)
		}
	}
	return r, nil
}

// creatable refuses names that LIST would take for patterns; such mailboxes can exist, where other software made them
// (RFC 9051, section 5.1).
func creatable(name string) error {
	if strings.ContainsAny(name, "*%") {
		return no("CANNOT", "A mailbox name cannot contain * or %")
	}
	return nil
}

// parseDelete is DELETE (RFC 9051, section 6.3.5). The mailbox may be selected, here and elsewhere: it is closed then.
func parseDelete(c *conn) (action, error) {
	var name string
	if !c.dec.ExpectSP() || !c.dec.ExpectMailbox(&name) {
		return nil, nil
	}
	return func(ctx context.Context) (reply, error) {
		mbox, err := c.mailbox(name)
		if err != nil {
			return reply{}, err
		}
		if err := c.identity.account.DeleteMailbox(ctx, c.meant(name)); err != nil {
			return reply{}, err
		}
		if c.selected != nil && c.selected.mbox.ID() == mbox.ID() {
			c.change(didUnselect)
			c.untaggedOK("CLOSED", "The selected mailbox was deleted")
		}
		return reply{}, nil
	}, nil
}

// parseRename is RENAME (RFC 9051, section 6.3.6).
func parseRename(c *conn) (action, error) {
	var from, to string
	d := c.dec
	if !d.ExpectSP() || !d.ExpectMailbox(&from) || !d.ExpectSP() || !d.ExpectMailbox(&to) {
		return nil, nil
	}
	to = names.TrimSeparator(to)
	return func(ctx context.Context) (reply, error) {
		if err := creatable(to); err != nil {
			return reply{}, err
		}
		return reply{}, c.identity.account.RenameMailbox(ctx, c.meant(from), to)
	}, nil
}

func parseSubscribe(c *conn) (action, error)   { return c.parseSubscription(true) }
func parseUnsubscribe(c *conn) (action, error) { return c.parseSubscription(false) }

// parseSubscription is SUBSCRIBE and UNSUBSCRIBE (RFC 9051, sections 6.3.7 and 6.3.8). A name without a mailbox can be subscribed to,
// so that a subscription outlives its mailbox; removing one that is not there is no error.
func (c *conn) parseSubscription(on bool) (action, error) {
	var name string
	if !c.dec.ExpectSP() || !c.dec.ExpectMailbox(&name) {
		return nil, nil
	}
	name = names.TrimSeparator(name)
	return func(ctx context.Context) (reply, error) {
		return reply{}, c.identity.account.Subscribe(ctx, name, on)
	}, nil
}
