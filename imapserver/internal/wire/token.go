package wire

// Tag reads the tag of a command into *dst, whose capacity it reuses. It has no "+" (RFC 9051, section 9).
func (d *Decoder) Tag(dst *[]byte) bool {
	rest := d.rest()
	n := span(rest, tagChar)
	if n == 0 {
		return false
	}
	*dst = append((*dst)[:0], rest[:n]...)
	d.pos += n
	return true
}

// ExpectTag is Tag for one that must be there.
func (d *Decoder) ExpectTag(dst *[]byte) bool { return d.Tag(dst) || d.Expected("a tag") }

// SP reads one space. Spaces at the end of a line are no space between tokens: they belong to CRLF.
func (d *Decoder) SP() bool {
	rest := d.rest()
	if len(rest) == 0 || rest[0] != ' ' || len(rest) == spaces(rest) {
		return false
	}
	d.pos++
	d.straySpaces()
	return true
}

// ExpectSP reads one space that must be there.
func (d *Decoder) ExpectSP() bool {
	if !d.Byte(' ') {
		return d.Expected("a space")
	}
	d.straySpaces()
	return true
}

// straySpaces passes over spaces that should not be there, if it may.
func (d *Decoder) straySpaces() {
	if d.StraySpaces {
		d.pos += spaces(d.rest())
	}
}

// spaces returns how many spaces are at the start of b.
func spaces(b []byte) int {
	for i, c := range b {
		if c != ' ' {
			return i
		}
	}
	return len(b)
}

// CRLF reads the end of the command, and spaces before it.
func (d *Decoder) CRLF() bool {
	if !d.ready() || d.cut || spaces(d.line[d.pos:]) != len(d.line)-d.pos {
		return false
	}
	d.pos = len(d.line)
	d.ended = true
	return true
}

// ExpectCRLF reads the end of the command, which must be there.
func (d *Decoder) ExpectCRLF() bool { return d.CRLF() || d.Expected("the end of the command") }

// Byte reads the octet c, for instance the bracket of a section.
func (d *Decoder) Byte(c byte) bool {
	rest := d.rest()
	if len(rest) == 0 || rest[0] != c {
		return false
	}
	d.pos++
	return true
}

// ExpectByte reads the octet c that must be there.
func (d *Decoder) ExpectByte(c byte) bool { return d.Byte(c) || d.Expected(`"`+string(rune(c))+`"`) }

// OpenList reads "(", and fails where lists are nested deeper than [Limits].Depth.
func (d *Decoder) OpenList() bool {
	if !d.Byte('(') {
		return false
	}
	if d.depth++; d.depth > d.Limits.depth() {
		d.pos--
		return d.Expected("fewer nested lists")
	}
	return true
}

// ExpectOpenList is OpenList for one that must be there.
func (d *Decoder) ExpectOpenList() bool { return d.OpenList() || d.Expected(`"("`) }

// CloseList reads ")".
func (d *Decoder) CloseList() bool {
	if !d.Byte(')') {
		return false
	}
	d.depth--
	return true
}

// ExpectCloseList reads ")" that must be there.
func (d *Decoder) ExpectCloseList() bool { return d.CloseList() || d.Expected(`")"`) }

// List reads "(", items separated by one space each, and ")". It calls item for each; the list may be empty.
// item returns false when it failed, after Expected or a method that expects.
func (d *Decoder) List(item func() bool) bool {
	if !d.OpenList() {
		return false
	}
	d.straySpaces()
	if d.CloseList() {
		return true
	}
	for {
		if !item() {
			return d.Expected("a list item")
		}
		if d.CloseList() {
			return true
		}
		if !d.Byte(' ') {
			return d.Expected(`a space or ")"`)
		}
		if d.StraySpaces {
			d.straySpaces()
			if d.CloseList() {
				return true
			}
		}
	}
}

// ExpectList is List for one that must be there.
func (d *Decoder) ExpectList(item func() bool) bool { return d.List(item) || d.Expected(`"("`) }

// run reads one or more octets of class k.
func (d *Decoder) run(k class, dst *string) bool {
	rest := d.rest()
	n := span(rest, k)
	if n == 0 {
		return false
	}
	*dst = string(rest[:n])
	d.pos += n
	return true
}

// Atom reads an atom.
func (d *Decoder) Atom(dst *string) bool { return d.run(atomChar, dst) }

// ExpectAtom is Atom for one that must be there.
func (d *Decoder) ExpectAtom(dst *string) bool { return d.Atom(dst) || d.Expected("an atom") }

// Keyword reads a command name, an item name or the like in upper case into *dst, whose capacity it reuses.
// It is an atom that ends before "[".
func (d *Decoder) Keyword(dst *[]byte) bool {
	rest := d.rest()
	n := span(rest, keywordChar)
	if n == 0 {
		return false
	}
	*dst = append((*dst)[:0], rest[:n]...)
	for i, c := range *dst {
		(*dst)[i] = upper(c)
	}
	d.pos += n
	return true
}

// ExpectKeyword is Keyword for one that must be there; what names it in the error, for instance "a command".
func (d *Decoder) ExpectKeyword(dst *[]byte, what string) bool {
	return d.Keyword(dst) || d.Expected(what)
}

// At tells whether text comes next, in any case of letters. It reads nothing.
func (d *Decoder) At(text string) bool {
	rest := d.rest()
	return len(rest) >= len(text) && equalFold(rest[:len(text)], text)
}

// Word reads the whole keyword word, in any case of letters.
func (d *Decoder) Word(word string) bool {
	rest := d.rest()
	n := span(rest, keywordChar)
	if n == 0 || !equalFold(rest[:n], word) {
		return false
	}
	d.pos += n
	return true
}

// ExpectWord is Word for one that must be there.
func (d *Decoder) ExpectWord(word string) bool { return d.Word(word) || d.Expected(word) }
