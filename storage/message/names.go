package message

// Names of fields, parameters and encodings are compared without regard to the case of ASCII
// letters, and to that only.

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func appendLower(dst, text []byte) []byte {
	for _, c := range text {
		dst = append(dst, lowerByte(c))
	}
	return dst
}

func lowerASCII(s string) string { return string(appendLower(nil, []byte(s))) }

// equalFold compares with a name in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if lowerByte(c) != lower[i] {
			return false
		}
	}
	return true
}

// nameTable finds names in a list.
type nameTable struct {
	byLength [32][]namedIndex
}

type namedIndex struct {
	name  string
	index int
}

// newNameTable takes names in lower case, shorter than 32 bytes.
func newNameTable(names []string) *nameTable {
	t := &nameTable{}
	for i, name := range names {
		t.byLength[len(name)] = append(t.byLength[len(name)], namedIndex{name, i})
	}
	return t
}

// index is the place of a name in the list, -1 if it is not there.
func (t *nameTable) index(name []byte) int {
	if len(name) >= len(t.byLength) {
		return -1
	}
	for _, n := range t.byLength[len(name)] {
		if equalFold(name, n.name) {
			return n.index
		}
	}
	return -1
}
