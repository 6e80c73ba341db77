package storage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// AccountInfo describes an account of a unit.
type AccountInfo struct {
	ID      ID
	Name    string
	Aliases []string // further names that lead here
	Created int64    // Unix seconds
	// Generation rises with every move of the account from unit to unit.
	Generation uint32
}

// directory is the list of a unit's accounts at one moment: immutable.
type directory struct {
	lsn LSN
	// mark is the highest UIDVALIDITY that an account had when it gave up its name: whoever gets the name next begins above.
	mark   uint32
	byID   map[ID]*AccountInfo
	byName map[string]ID // by folded name or alias
}

func newDirectory(lsn LSN, mark uint32, accounts map[ID]*AccountInfo) *directory {
	d := &directory{lsn: lsn, mark: mark, byID: accounts, byName: make(map[string]ID, len(accounts))}
	for id, a := range accounts {
		d.byName[foldName(a.Name)] = id
		for _, alias := range a.Aliases {
			d.byName[foldName(alias)] = id
		}
	}
	return d
}

func (d *directory) find(name string) (*AccountInfo, error) {
	id, ok := d.byName[foldName(name)]
	if !ok {
		return nil, fmt.Errorf("account %q: %w", name, ErrNoAccount)
	}
	return d.byID[id], nil
}

// apply returns the directory after the effects of a record that concern it; d itself where there are none.
func (d *directory) apply(lsn LSN, effects []effect) *directory {
	next := d
	for _, x := range effects {
		switch x := x.(type) {
		case *putAccount:
			accounts := maps.Clone(next.byID)
			accounts[x.ID] = &x.AccountInfo
			next = newDirectory(lsn, max(next.mark, x.mark), accounts)
		case *delAccount:
			accounts := maps.Clone(next.byID)
			delete(accounts, x.id)
			next = newDirectory(lsn, max(next.mark, x.mark), accounts)
		}
	}
	return next
}

// foldName is the form in which account names are compared.
func foldName(name string) string { return strings.ToLower(name) }

// checkAccountName refuses names that could not be told apart or written in a log line.
func checkAccountName(name string) error {
	bad := func(why string) error { return fmt.Errorf("account name %q %s: %w", name, why, ErrInvalidName) }
	switch {
	case name == "":
		return bad("is empty")
	case len(name) > 255:
		return bad("is longer than 255 bytes")
	case !utf8.ValidString(name):
		return bad("is not UTF-8")
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return bad("contains a space or control character")
	}
	return nil
}

// putAccount adds an account to the directory or replaces its entry.
type putAccount struct {
	AccountInfo
	mark uint32 // for the directory
}

func (*putAccount) kind() effectKind   { return kindPutAccount }
func (*putAccount) apply(*draft) error { return nil }

func (x *putAccount) encode(e *encoder) {
	e.id(x.ID)
	e.str(x.Name)
	e.strs(x.Aliases)
	e.varint(x.Created)
	e.u32(x.Generation)
	e.u32(x.mark)
}

func (x *putAccount) decode(d *decoder) {
	x.ID, x.Name, x.Aliases, x.Created, x.Generation, x.mark = d.id(), d.str(), d.strs(), d.varint(), d.u32(), d.u32()
}

// delAccount removes an account with everything in it.
type delAccount struct {
	id   ID
	mark uint32 // for the directory
}

func (*delAccount) kind() effectKind    { return kindDelAccount }
func (*delAccount) apply(*draft) error  { return nil }
func (x *delAccount) encode(e *encoder) { e.id(x.id); e.u32(x.mark) }
func (x *delAccount) decode(d *decoder) { x.id, x.mark = d.id(), d.u32() }

// encode writes the whole directory; decodeDirectory reads it.
func (d *directory) encode() []byte {
	var e encoder
	e.u64(uint64(d.lsn))
	e.u32(d.mark)
	e.uvarint(uint64(len(d.byID)))
	accounts := slices.SortedFunc(maps.Values(d.byID), func(a, b *AccountInfo) int { return strings.Compare(a.Name, b.Name) })
	for _, a := range accounts {
		(&putAccount{AccountInfo: *a}).encode(&e)
	}
	return e.b
}

func decodeDirectory(b []byte) (*directory, error) {
	d := decoder{b: b}
	lsn, mark := LSN(d.u64()), d.u32()
	accounts := map[ID]*AccountInfo{}
	for range d.count(20) {
		var x putAccount
		x.decode(&d)
		accounts[x.ID] = &x.AccountInfo
	}
	return newDirectory(lsn, mark, accounts), d.end()
}
