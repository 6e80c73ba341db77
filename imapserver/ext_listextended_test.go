package imapserver

import "testing"

// TestListExtended checks options and patterns of LIST, in the examples of RFC 5258, section 5.
func TestListExtended(t *testing.T) {
	c := newTestServer(t, nil).login(t, 1)[0]
	for _, name := range []string{"Fruit/Apple", "Fruit/Banana", "Tofu", "Vegetable/Broccoli", "Vegetable/Corn"} {
		c.ok("CREATE " + name)
	}
	for _, name := range []string{"Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"} {
		c.ok("SUBSCRIBE " + name)
	}
	c.want(`LIST (SUBSCRIBED) "" "*"`,
		`* LIST (\HasNoChildren \Subscribed) "/" Fruit/Banana`,
		`* LIST (\NonExistent \Noselect \HasNoChildren \Subscribed) "/" Fruit/Peach`,
		`* LIST (\HasChildren \Subscribed) "/" Vegetable`,
		`* LIST (\HasNoChildren \Subscribed) "/" Vegetable/Broccoli`, ". OK …")
	c.want(`LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"`,
		`* LIST (\HasChildren) "/" Fruit ("CHILDINFO" ("SUBSCRIBED"))`,
		`* LIST (\HasChildren \Subscribed) "/" Vegetable ("CHILDINFO" ("SUBSCRIBED"))`, ". OK …")
	c.want(`LIST (RECURSIVEMATCH SUBSCRIBED) "" "Fruit*"`,
		`* LIST (\HasNoChildren \Subscribed) "/" Fruit/Banana`,
		`* LIST (\NonExistent \Noselect \HasNoChildren \Subscribed) "/" Fruit/Peach`, ". OK …")
	c.want(`LIST "" (T* tofu V%/C%) RETURN (SUBSCRIBED)`,
		`* LIST (\HasNoChildren) "/" Tofu`, `* LIST (\Trash \HasNoChildren) "/" Trash`, `* LIST (\HasNoChildren) "/" Vegetable/Corn`, ". OK …")
	c.want(`LIST (RECURSIVEMATCH) "" "*"`, ". BAD …")
	c.want(`LIST (REMOTE RECURSIVEMATCH) "" "*"`, ". BAD …")
	c.want(`LIST (NONSENSE) "" "*"`, ". BAD …")
	c.want(`LIST () "" ""`, ". OK …")
	c.want(`LIST "Fruit/Apple" "" RETURN (CHILDREN)`, `* LIST (\HasNoChildren) "/" Fruit/Apple`, ". OK …")
	c.want(`LSUB "" Fruit`, ". OK …")
	c.want(`LSUB "" "%"`, `* LSUB (\Noselect) "/" Fruit`, `* LSUB () "/" Vegetable`, ". OK …")
}
