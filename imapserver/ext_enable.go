package imapserver

import (
	"context"
	"slices"
)

// extEnable is the ENABLE command (RFC 5161; RFC 9051, section 6.3.1). It is allowed with a mailbox selected, too, which
// RFC 9051 leaves to the server.
func extEnable() extension {
	return extension{
		file:         "enable",
		capabilities: []capability{{name: "ENABLE", rfc: "RFC 5161, section 3.1"}},
		commands:     []command{{"ENABLE", "RFC 5161, section 3.1", loggedIn, maySendExpunge, parseEnable}},
	}
}

func parseEnable(c *conn) (action, error) {
	var features []enableFeature
	d := c.dec
	for first := true; first || d.SP(); first = false {
		var name []byte
		if first && !d.ExpectSP() || !d.ExpectKeyword(&name, "a capability") {
			return nil, nil
		}
		if f, ok := c.registry.enables[string(name)]; ok { // others are ignored: RFC 5161, section 3.1
			features = append(features, f)
		}
	}
	return func(ctx context.Context) (reply, error) {
		var names []string
		for _, f := range features {
			if !slices.Contains(names, f.announced) {
				names = append(names, f.announced)
			}
			if err := c.enable(ctx, f.name); err != nil {
				return reply{}, err
			}
		}
		c.enc.Raw("* ENABLED")
		for _, n := range names {
			c.enc.SP().Raw(n)
		}
		c.enc.CRLF()
		return reply{}, nil
	}, nil
}

// enable switches a feature on, with what it implies. A second time changes nothing, nor does the empty name.
func (c *conn) enable(ctx context.Context, name string) error {
	if name == "" || c.enabled[name] {
		return nil
	}
	f := c.registry.enables[name]
	c.enabled[name] = true
	for _, other := range f.implies {
		if err := c.enable(ctx, other); err != nil {
			return err
		}
	}
	if f.on != nil {
		return f.on(ctx, c)
	}
	return nil
}
