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
		if c.selected != nil {
			defer c.selected.mbox.Watch(wake)()
		}
		c.enc.Continue("idling")
		c.in.wait(c.deadline(), c.server.timeouts.Command)
		if err := c.idle(ctx, wake); err != nil {
			return reply{}, err
		}
		if err := c.readLine(); err != nil {
			return reply{}, err
		}
		if !c.dec.Word("DONE") || !c.dec.ExpectCRLF() {
			return reply{}, bad("Expected DONE")
		}
		return reply{}, nil
	}, nil
}

// idle reports changes until the client sends something. While nothing happens, the connection has no buffers.
func (c *conn) idle(ctx context.Context, wake <-chan struct{}) error {
	if c.in.Buffered() > 0 {
		return nil
	}
	spoke := c.in.ahead()
	defer c.in.stop()
	for {
		c.begin()
		if c.selected != nil {
			if err := c.sync(ctx, true); err != nil {
				return err
			}
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
		}
	}
}
