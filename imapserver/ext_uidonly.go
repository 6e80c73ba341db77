package imapserver

const enableUIDOnly = "UIDONLY"

// extUIDOnly is a session without message sequence numbers (RFC 9586): commands with them are refused, FETCH responses begin with the
// UID, and removals are reported by VANISHED.
func extUIDOnly() extension {
	return extension{
		file:         "uidonly",
		capabilities: []capability{{name: "UIDONLY", rfc: "RFC 9586, section 3"}},
		enables:      []enableFeature{{name: enableUIDOnly, announced: "UIDONLY"}},
	}
}

func (c *conn) uidOnly() bool { return c.enabled[enableUIDOnly] }

// errUIDRequired answers what would use message sequence numbers (RFC 9586, section 3).
var errUIDRequired = &Error{Status: Bad, Code: "UIDREQUIRED", Text: "Message sequence numbers cannot be used after ENABLE UIDONLY"}
