package imapserver

import "testing"

// TestSortDisplay checks the criteria that go by names (RFC 5957).
func TestSortDisplay(t *testing.T) {
	c := sortSession(t)
	c.want("SORT (DISPLAYFROM) UTF-8 ALL", "* SORT 3 4 2 1", ". OK …") // "", Adam, berta@x.org, Zoë
	c.want("SORT (REVERSE DISPLAYTO) UTF-8 ALL", "* SORT 1 2 4 3", ". OK …")
}
