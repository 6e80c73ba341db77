package imapserver

import "context"

// extIdle is the IDLE command (RFC 2177; RFC 9051, section 6.3.13).
func extIdle() extension {
	return extension{
		file:         "idle",
		capabilities: []capability{{name: "IDLE", rfc: "RFC 2177, section 3"}},
		commands:     []command{{"IDLE", "RFC 2177, section 3", loggedIn, interactive | maySendExpunge, parseIdle}},
	}
}

func parseIdle(c *conn) (action, error) {
	return func(ctx context.Context) (reply, error) {
		defer c.begin()
		wake := make(chan struct{}, 1)
		switch {
		case c.notify != nil:
			wake = c.notify.wake
		case c.selected != nil:
			defer c.selected.mbox.Watch(wake)()
		}
		c.enc.Continue("idling")
		c.in.wait(c.deadline(), c.server.timeouts.Command)
		if err := c.attend(ctx, wake, true); err != nil {
			return reply{}, err
		}
		if err := c.readLine(); err != nil {
			return reply{}, err
		}
		if c.dec.ExpectWord("DONE") {
			c.dec.ExpectCRLF()
		}
		return reply{}, c.dec.Err()
	}, nil
}

// attend reports changes until the client sends something, in IDLE or between commands. While nothing happens, the connection has no
// buffers.
func (c *conn) attend(ctx context.Context, wake <-chan struct{}, idle bool) error {
	if c.in.Buffered() > 0 {
		return nil
	}
	spoke := c.in.ahead()
	defer c.in.stop()
	for {
		c.begin()
		if err := c.report(ctx, idle); err != nil {
			return err
		}
		if err := c.release(); err != nil {
			return err
		}
		select {
		case <-spoke:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
			c.notify.woken()
		}
	}
}

// report tells what has changed: what the client wants to know (RFC 5465, section 4), or else all of the selected mailbox.
func (c *conn) report(ctx context.Context, idle bool) error {
	switch {
	case c.notify != nil:
		return c.notify.report(ctx, c, idle)
	case c.selected != nil:
		return c.sync(ctx, true)
	}
	return nil
}
