package storage

import "unsafe"

// Held counts the memory that several views hold together: what they share counts once. The zero value is empty. It is
// for one goroutine.
type Held struct{ leaves map[*Message]struct{} }

// Add counts v in and returns how many octets it holds that the views counted before do not. It costs a step for each
// 64 messages of the view.
func (h *Held) Add(v *View) (octets int64) {
	if h.leaves == nil {
		h.leaves = map[*Message]struct{}{}
	}
	for _, p := range v.messages.dir {
		for _, l := range p.kid.leaves {
			first := &l.kid.rows[0] // trees that only grew have leaves of their own on the same rows
			if _, ok := h.leaves[first]; !ok {
				h.leaves[first] = struct{}{}
				octets += int64(cap(l.kid.rows)) * int64(unsafe.Sizeof(Message{}))
			}
		}
	}
	return octets
}
