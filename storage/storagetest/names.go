package storagetest

import (
	"fmt"
	"strings"
)

// nameBook remembers what every name has meant to clients, who keep what they fetched: a UID of a mailbox's name under a
// UIDVALIDITY is one message for ever (invariants I1 and I5), whatever is deleted, renamed or made again.
type nameBook map[string]string

// note enters what is seen and tells of a name that has meant something else before.
func (b nameBook) note(o observation) string {
	validity := map[item]string{}
	for i, row := range o.items {
		if i.kind == itemMailbox {
			_, tail, _ := strings.Cut(row, "{UIDValidity:")
			validity[i], _, _ = strings.Cut(tail, " ")
		}
	}
	for i, row := range o.items {
		if i.kind != itemMessage {
			continue
		}
		box := i
		box.kind, box.uid = itemMailbox, 0
		_, tail, _ := strings.Cut(row, " emailid ")
		id, _, _ := strings.Cut(tail, " ")
		name := fmt.Sprintf("%s with UIDVALIDITY %s", i, validity[box])
		if was, ok := b[name]; ok && was != id {
			return fmt.Sprintf("%s was message %s, is %s", name, was, id)
		}
		b[name] = id
	}
	return ""
}
