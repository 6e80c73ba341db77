package storage

import (
	"testing"
	"unsafe"
)

func TestHeld(t *testing.T) {
	const row = int64(unsafe.Sizeof(Message{}))
	var rows []Message
	for uid := range UID(10 * leafMax) {
		rows = append(rows, Message{UID: uid + 1})
	}
	first := tree{}.append(rows[:9*leafMax+2]...).append(rows[9*leafMax+2]) // with room for the next
	grown := first.append(rows[9*leafMax+3])
	edited := grown.edit(UIDSet{{First: 1, Last: 1}}, func(m *Message) bool { m.Flags |= Seen; return true })

	var h Held
	if got := h.Add(&View{messages: edited}); got < 9*leafMax*row {
		t.Errorf("holds %d octets for %d messages of %d", got, grown.len(), row)
	}
	if got := h.Add(&View{messages: grown}); got < leafMax*row || got >= 2*leafMax*row {
		t.Errorf("holds %d octets more, want those of one leaf", got)
	}
	if got := h.Add(&View{messages: first}); got != 0 {
		t.Errorf("a view that only grew holds %d octets more", got)
	}
	if got := h.Add(&View{}); got != 0 {
		t.Errorf("an empty view holds %d octets", got)
	}
}
