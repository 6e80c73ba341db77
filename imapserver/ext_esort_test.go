package imapserver

import "testing"

// TestESort checks SORT with result options: first and last are those of the order, and sets keep it (RFC 5267, section 3).
func TestESort(t *testing.T) {
	c := sortSession(t)
	tag := func() string { return "(TAG …) " }
	c.want("SORT RETURN (MIN MAX COUNT) (SIZE) UTF-8 ALL", "* ESEARCH "+tag()+"MIN 3 MAX 1 COUNT 4", ". OK …")
	c.want("UID SORT RETURN () (REVERSE ARRIVAL) UTF-8 ALL", "* ESEARCH "+tag()+"UID ALL 2:4,1", ". OK …")
	c.want("SORT RETURN (ALL) (SIZE) UTF-8 ALL", "* ESEARCH "+tag()+"ALL 3:4,2,1", ". OK …")
	c.want("SORT RETURN (ALL COUNT) (SIZE) UTF-8 DELETED", "* ESEARCH "+tag()+"COUNT 0", ". OK …")
	c.want("SORT RETURN (PARTIAL 2:3) (SIZE) UTF-8 ALL", "* ESEARCH "+tag()+"PARTIAL (2:3 4,2)", ". OK …")
	c.want("SORT RETURN (PARTIAL -1:-2) (SIZE) UTF-8 ALL", "* ESEARCH "+tag()+"PARTIAL (-1:-2 2,1)", ". OK …")
	c.want("SORT RETURN (SAVE MIN) (SIZE) UTF-8 ALL", "* ESEARCH "+tag()+"MIN 3", ". OK …")
	c.want("SEARCH $", "* SEARCH 3", ". OK …")
	c.want("SORT RETURN (SAVE) (SIZE) UTF-8 2:4", ". OK …")
	c.want("SORT (SIZE) UTF-8 $", "* SORT 3 4 2", ". OK …")
	c.want("SORT RETURN (SAVE) (SIZE) X-NONSENSE ALL", ". NO [BADCHARSET …")
	c.want("SEARCH $", "* SEARCH", ". OK …")
}
