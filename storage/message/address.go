package message

// optional is a string that may be absent, in a buffer that is used again.
type optional struct {
	text []byte
	set  bool
}

func (o *optional) put(text []byte) { o.text, o.set = append(o.text[:0], text...), true }
func (o *optional) clear()          { o.set = false }

// value is nil if absent.
func (o *optional) value() []byte {
	if !o.set {
		return nil
	}
	if o.text == nil {
		return []byte{}
	}
	return o.text
}

func (o *optional) putString(text string) { o.text, o.set = append(o.text[:0], text...), true }

// addressList renders the addresses of header fields as IMAP shows them in ENVELOPE (RFC 9051,
// section 7.5.2): each is (name route mailbox host); a group begins with the address whose host is
// NIL and ends with the one that is all NIL.
type addressList struct {
	lexer
	out   []byte // the rendered addresses
	left  int    // how many more addresses may be rendered
	word  []byte // the token being read
	human []byte // scratch

	// The address being read.
	name, route, mailbox, host optional
	invalid                    bool
}

// parse appends the addresses in body, the raw body of an address field, to dst.
func (a *addressList) parse(dst, body []byte) []byte {
	a.reset(body)
	a.keepComment = true
	a.out = dst
	a.clear()
	if a.skip() == more {
		a.list()
	}
	dst, a.out = a.out, nil
	return dst
}

func (a *addressList) clear() {
	a.name.clear()
	a.route.clear()
	a.mailbox.clear()
	a.host.clear()
	a.invalid = false
}

// emit renders the address read.
func (a *addressList) emit() {
	defer a.clear()
	if a.left <= 0 {
		return
	}
	a.left--
	a.out = append(a.out, '(')
	if a.name.set {
		a.human = appendCollapsed(a.human[:0], a.name.text)
		a.out = appendString(a.out, a.human)
	} else {
		a.out = append(a.out, "NIL"...)
	}
	a.out = append(a.out, ' ')
	a.out = appendNString(a.out, a.route.value())
	a.out = append(a.out, ' ')
	a.out = appendNString(a.out, a.mailbox.value())
	a.out = append(a.out, ' ')
	a.out = appendNString(a.out, a.host.value())
	a.out = append(a.out, ')')
}

// emitMailbox renders an address that is no group marker: NIL would make it one.
func (a *addressList) emitMailbox() {
	if !a.mailbox.set {
		a.mailbox.putString("MISSING_MAILBOX")
	}
	if !a.host.set || len(a.host.text) == 0 {
		a.host.putString("MISSING_DOMAIN")
	}
	a.emit()
}

// list reads addresses until the end or something that is neither an address nor a comma.
func (a *addressList) list() {
	for a.left > 0 {
		if a.address() == end || !a.at(',') {
			return
		}
		a.pos++
		switch a.skip() {
		case bad:
			a.emitMailbox() // a comment without end
			return
		case end:
			return
		}
	}
}

func (a *addressList) address() status {
	start := a.pos
	if a.groupName() {
		return a.group()
	}
	a.pos = start
	return a.mailboxAddress()
}

// groupName reads "display-name :" into word.
func (a *addressList) groupName() bool {
	var st status
	if a.word, st = a.phrase(a.word[:0]); st != more || !a.at(':') {
		return false
	}
	a.pos++
	return true
}

// group reads the members of a group after its name, and its end, even if it has none.
func (a *addressList) group() status {
	st := a.skip()
	a.mailbox.put(a.word)
	a.emit()
	for member := st == more && !a.at(';'); member; {
		a.mailboxAddress()
		if member = a.at(','); member {
			a.pos++
			if a.skip() != more {
				st, member = bad, false
			}
		}
	}
	if st != bad {
		if st = bad; a.at(';') {
			a.pos++
			st = a.skip()
		}
	}
	a.emit()
	if st == end {
		return end
	}
	return more
}

// mailboxAddress reads "name <address>" or a bare address.
func (a *addressList) mailboxAddress() status {
	start := a.pos
	st := a.nameAddress()
	if st == bad {
		a.pos = start
		st = a.bareAddress()
		if a.invalid && !a.name.set && a.mailbox.set && !a.host.set {
			a.name.put(a.mailbox.text)
			a.mailbox.clear()
		}
	}
	a.emitMailbox()
	return st
}

// nameAddress reads "name <address>"; it is bad if this is none.
func (a *addressList) nameAddress() status {
	var st status
	if a.word, st = a.phrase(a.word[:0]); st != more || !a.at('<') {
		return bad
	}
	if len(a.word) > 0 {
		a.name.put(a.word)
	}
	if a.angleAddress() == bad {
		a.host.putString("SYNTAX_ERROR")
		a.invalid = true
	}
	return a.status()
}

// angleAddress reads "<@route:local@domain>".
func (a *addressList) angleAddress() status {
	a.pos++
	if a.skip() != more {
		return bad
	}
	if a.at('@') {
		if a.sourceRoute() == more && a.at(':') {
			a.pos++
		} else {
			a.route.putString("INVALID_ROUTE")
		}
		if a.skip() != more {
			return bad
		}
	}
	if !a.at('>') {
		if a.localPart() != more {
			return bad
		}
		if a.at('@') && a.hostPart() != more {
			return bad
		}
	}
	if !a.at('>') {
		return bad
	}
	a.pos++
	return a.skip()
}

// sourceRoute reads "@a,@b" of RFC 5322, section 4.4.
func (a *addressList) sourceRoute() status {
	a.word = a.word[:0]
	for a.at('@') {
		if len(a.word) > 0 {
			a.word = append(a.word, ',')
		}
		a.word = append(a.word, '@')
		var st status
		if a.word, st = a.domain(a.word); st != more {
			return st
		}
		for a.skip() == more && a.at(',') {
			a.pos++
		}
	}
	if a.pos >= len(a.in) {
		return end
	}
	a.route.put(a.word)
	return more
}

// bareAddress reads "local@domain", named by a comment behind it. Words without "@" are one
// mailbox or, if there are several, a name.
func (a *addressList) bareAddress() status {
	a.comment = a.comment[:0]
	quoted := a.at('"')
	st := a.localPart()
	a.invalid = st != more
	hasHost := false
	if st != end && a.at('@') {
		hasHost = true
		if host := a.hostPart(); host != more {
			st = host
		}
	}
	if len(a.comment) > 0 {
		a.name.put(a.comment)
		return st
	}
	if hasHost {
		return st
	}
	a.word = append(a.word, ' ')
	n := len(a.word)
	a.word, _ = a.phrase(a.word)
	if len(a.word) != n {
		a.mailbox.clear()
		a.name.put(a.word)
	} else if !quoted {
		a.host.putString("")
	}
	a.invalid = true
	return bad
}

// localPart reads a quoted string, or atoms with any dots between, before and behind them.
func (a *addressList) localPart() status {
	var st status
	if a.at('"') {
		a.word, st = a.quotedString(a.word[:0])
	} else {
		st = a.dottedAtoms()
	}
	if st != bad {
		a.mailbox.put(a.word)
	}
	return st
}

func (a *addressList) dottedAtoms() status {
	a.word = a.word[:0]
	for st := bad; ; {
		for a.at('.') {
			a.word = append(a.word, '.')
			a.pos++
			if a.pos == len(a.in) {
				return end
			}
			st = more
		}
		if a.at('@') {
			return st
		}
		if a.word, st = a.atom(a.word); st != more || !a.at('.') {
			return st
		}
	}
}

func (a *addressList) hostPart() status {
	var st status
	if a.word, st = a.domain(a.word[:0]); st != bad {
		a.host.put(a.word)
	}
	return st
}
