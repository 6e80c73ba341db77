package imapserver

import "github.com/mailhavn/mailhavn/storage/message"

// extSortDisplay is SORT by the names that people see (RFC 5957).
func extSortDisplay() extension {
	const rfc = "RFC 5957, section 4"
	return extension{
		file:         "sortdisplay",
		needs:        "SORT",
		capabilities: []capability{{name: "SORT=DISPLAY", rfc: "RFC 5957, section 1"}},
		sortKeys: []sortKey{
			{name: "DISPLAYFROM", rfc: rfc, text: func(dst []byte, _ *candidate, e *message.Envelope) []byte {
				return appendDisplay(dst, e.From)
			}},
			{name: "DISPLAYTO", rfc: rfc, text: func(dst []byte, _ *candidate, e *message.Envelope) []byte {
				return appendDisplay(dst, e.To)
			}},
		},
	}
}

// appendDisplay appends the name of an address, or the address where it has none (RFC 5957, section 3).
func appendDisplay(dst []byte, a message.Address) []byte {
	if name := message.DecodeHeader(nil, a.Name); len(name) > 0 {
		return message.AppendFolded(dst, name)
	}
	dst = message.AppendFolded(dst, a.Mailbox)
	if a.Mailbox != nil && a.Host != nil {
		dst = message.AppendFolded(append(dst, '@'), a.Host)
	}
	return dst
}
