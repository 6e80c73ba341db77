package imapserver

import "testing"

// TestUTF8 checks what is not UTF-8, and what a client that enables nothing may do all the same (RFC 6855, sections 3 and 4).
func TestUTF8(t *testing.T) {
	s := newTestServer(t, nil)
	clients := s.login(t, 2)
	a, old := clients[0], clients[1]
	old.append("INBOX", "", "Subject: gr\xfc\xdfe\r\n\r\n")
	a.ok("ENABLE UTF8=ACCEPT QRESYNC")
	a.want("CREATE \"broken \xff\"", ". BAD …")
	a.want("SELECT \"no\xc3\"", ". BAD …")
	a.ok("CREATE \"größe\"")
	old.ok("SELECT gr&APYA3w-e")
	a.append(`"größe"`, "", "Subject: größe\r\n\r\n")
	a.want("APPEND \"größe\" UTF8 ({1+}\r\nx)", ". BAD …")
	a.want("APPEND \"größe\" UTF8 (~{1+}\r\nx", ". BAD …")
	a.ok("APPEND \"größe\" CATENATE (TEXT {9+}\r\nSubject:  UTF8 (~{11+}\r\ngrüße\r\n\r\n))")
	old.want("NOOP", "* 2 EXISTS", "* 2 RECENT", ". OK …")
	old.want("FETCH 2 BODY.PEEK[]", "* 2 FETCH (BODY[] {20}\r\nSubject: grüße\r\n\r\n)", ". OK …")
	a.ok("SELECT \"größe\" (QRESYNC (1 1))")
	for _, c := range []*client{a, old} { // a literal is allowed to both
		c.want("FETCH 2 ENVELOPE", "* 2 FETCH (ENVELOPE (NIL {7}\r\ngrüße NIL NIL NIL NIL NIL NIL NIL NIL))", ". OK …")
	}
}
