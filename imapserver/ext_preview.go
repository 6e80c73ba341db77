package imapserver

// extPreview is the beginning of what a message says, as text (RFC 8970).
func extPreview() extension {
	return extension{
		file:         "preview",
		capabilities: []capability{{name: "PREVIEW", rfc: "RFC 8970, section 3"}},
		fetchItems:   []fetchItem{{"PREVIEW", "RFC 8970, section 3.1", parsePreview}},
	}
}

// preview is the item in a FETCH.
type preview struct {
	lazy bool // only if it costs nothing (RFC 8970, section 4.1)

	// Of the present message, between prepare and write:
	text  []byte
	known bool
}

// parsePreview reads what may follow PREVIEW: a list of modifiers, of which there is one. Another list belongs to the whole FETCH.
func parsePreview(c *conn, f *fetch) error {
	p, d := &preview{}, c.dec
	if p.lazy = d.At(" (LAZY"); p.lazy {
		d.SP()
		d.ExpectList(func() bool { return d.ExpectWord("LAZY") })
	}
	f.items = append(f.items, fetchData{prepare: p.prepare, write: p.write})
	return nil
}

func (p *preview) prepare(f *fetching) (err error) {
	if err := f.summarize(); err != nil {
		return err
	}
	if p.text, p.known = f.summary.Preview(); p.known || p.lazy {
		return nil
	}
	p.text, err = f.in.mbox.Preview(f.ctx, f.m.UID)
	p.known = err == nil
	return err
}

func (p *preview) write(f *fetching) {
	f.conn.enc.Raw("PREVIEW ")
	if !p.known {
		f.conn.enc.Nil()
		return
	}
	f.conn.enc.String(string(p.text))
}
