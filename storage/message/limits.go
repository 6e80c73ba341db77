package message

// Limits of what is interpreted. They bound memory and the size of a Summary, never what can be
// stored or fetched.
const (
	// maxDepth is how deep parts nest; a multipart or message/rfc822 at that depth is a leaf.
	maxDepth = 100
	// maxParts is how many parts a message has; later delimiters are text of the part they are in.
	maxParts = 10_000
	// maxHeader is how many bytes of one header block are interpreted.
	maxHeader = 1 << 20
	// maxHeaders is how many bytes of all header blocks of a message together are interpreted.
	maxHeaders = 8 << 20
	// maxAddresses is how many addresses all envelopes of a message together show.
	maxAddresses = 20_000
	// maxParams is how many parameters of one header field are interpreted.
	maxParams = 1_000
	// maxBoundary is how many bytes of a boundary parameter count: 70 of RFC 2046, section 5.1.1,
	// and some more.
	maxBoundary = 80
	// maxStoredField and maxStoredFields bound the raw header fields kept in a Summary: all fields
	// of one name, and the whole table.
	maxStoredField  = 2 << 10
	maxStoredFields = 6 << 10
	// maxOtherNames is how many names of header fields that are not kept a Summary remembers.
	maxOtherNames = 100
	// lookahead is how many bytes decide whether a line is a delimiter: "--", the boundary, "--",
	// CRLF, and one byte that shows that the line goes on.
	lookahead = 2 + maxBoundary + 2 + 2 + 1
	// windowSize is how much of a message is in memory while it is read from a file.
	windowSize = 64 << 10
)
