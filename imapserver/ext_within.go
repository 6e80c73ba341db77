package imapserver

import "time"

// extWithin is SEARCH by age (RFC 5032). The time is that at which the command is read.
func extWithin() extension {
	const rfc = "RFC 5032, section 2"
	return extension{
		file:         "within",
		capabilities: []capability{{name: "WITHIN", rfc: rfc}},
		searchKeys: []searchKey{
			{"OLDER", rfc, ageKey(func(date, target int64) bool { return date <= target })},
			{"YOUNGER", rfc, ageKey(func(date, target int64) bool { return date >= target })},
		},
	}
}

func ageKey(test func(date, target int64) bool) func(*conn, *program) (predicate, error) {
	return func(c *conn, p *program) (predicate, error) {
		var seconds uint32
		if !c.dec.ExpectSP() || !c.dec.ExpectNZNumber(&seconds) {
			return predicate{}, nil
		}
		target := time.Now().Unix() - int64(seconds)
		return columnKey(func(m *candidate) bool { return test(m.m.InternalDate, target) })(c, p)
	}
}
