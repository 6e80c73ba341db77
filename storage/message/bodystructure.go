package message

import "strconv"

// An empty multipart is not allowed in IMAP: it is shown with one empty part.
const (
	emptyPart    = `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0`
	emptyPartExt = ` NIL NIL NIL NIL`
)

// bodyWriter renders BODYSTRUCTURE from the parts, and notes which pieces of it are extension
// data: BODY is the rest.
type bodyWriter struct {
	p    *parser
	out  []byte
	cuts []span
}

func (w *bodyWriter) ext(piece []byte) {
	start := len(w.out)
	w.out = append(w.out, piece...)
	w.cuts = append(w.cuts, span{start, len(w.out)})
}

// part renders part i with all in it and returns the index of the next part. The recursion is
// bounded by maxDepth.
func (w *bodyWriter) part(i int) (next int) {
	me := &w.p.parts[i]
	next = i + 1
	w.out = append(w.out, '(')
	if me.flags&isMultipart != 0 {
		for next < len(w.p.parts) && int(w.p.parts[next].parent) == i {
			next = w.part(next)
		}
		if next == i+1 {
			w.out = append(w.out, emptyPart...)
			w.ext([]byte(emptyPartExt))
			w.out = append(w.out, ')')
		}
		w.out = append(w.out, ' ')
		w.out = append(w.out, me.fields.of(w.p.arena)...)
	} else {
		w.out = append(w.out, me.fields.of(w.p.arena)...)
		w.number(me.end - me.body)
		if me.flags&isMessage != 0 {
			w.out = append(w.out, ' ')
			w.out = append(w.out, w.p.parts[next].envelope.of(w.p.arena)...)
			w.out = append(w.out, ' ')
			next = w.part(next)
		}
		if me.flags&(isMessage|isText) != 0 {
			w.number(me.lines)
		}
	}
	w.ext(me.ext.of(w.p.arena))
	w.out = append(w.out, ')')
	return next
}

func (w *bodyWriter) number(n int64) {
	w.out = append(w.out, ' ')
	w.out = strconv.AppendInt(w.out, n, 10)
}
