package imapserver

import (
	"context"
	"slices"

	"github.com/mailhavn/mailhavn/storage"
)

// An extension is all that one extension of the protocol adds. What is announced follows from the same descriptor
// as what is understood, so that neither can be without the other. A new extension is one file with its descriptor, one test file, and one line in
// extensions.
type extension struct {
	file         string       // ext_<file>.go, tested by ext_<file>_test.go
	capabilities []capability // what announces it; none for a part of IMAP4rev1 and IMAP4rev2
	needs        string       // a capability without which it is of no use
	enables      []enableFeature
	commands     []command

	fetchItems    []fetchItem
	fetchMods     []modifier[fetch]
	storeMods     []modifier[store]
	searchKeys    []searchKey
	searchReturns []searchReturn
	sortKeys      []sortKey
	statusItems   []statusItem
	listSelects   []listOption
	listReturns   []listOption
	selectParams  []modifier[selection]
	createParams  []modifier[creation]
	appendForms   []appendForm

	// created returns a response code that CREATE is answered with.
	created func(*storage.Mailbox) string
	// selected tells more of the mailbox that has just been selected.
	selected func(*conn)
	// removing is called before, and shown after, changes of the selected mailbox are told: those that lead to a later view.
	removing func(c *conn, later *storage.View)
	shown    func(c *conn)
	// progress may tell how far the running command has come.
	progress func(c *conn, done, goal int) error
}

// extensions is the list of them all, in the order in which they are announced.
func extensions() []extension {
	return []extension{
		extRev2(),
		extLiteral(),
		extSASL(),
		extStartTLS(),
		extID(),
		extEnable(),
		extUnauthenticate(),
		extCompress(),
		extI18NLevel(),
		extIdle(),
		extNotify(),
		extInProgress(),
		extNamespace(),
		extUnselect(),
		extUIDPlus(),
		extMove(),
		extMultiAppend(),
		extCatenate(),
		extReplace(),
		extChildren(),
		extListExtended(),
		extListStatus(),
		extSpecialUse(),
		extCreateSpecialUse(),
		extStatusSize(),
		extAppendLimit(),
		extESearch(),
		extSearchRes(),
		extContext(),
		extMultiSearch(),
		extWithin(),
		extSaveDate(),
		extObjectID(),
		extBinary(),
		extPreview(),
		extUTF8(),
		extSort(),
		extSortDisplay(),
		extESort(),
		extThread(),
		extPartial(),
		extCondstore(),
		extQresync(),
		extUIDOnly(),
	}
}

// A capability is a name in the CAPABILITY response.
type capability struct {
	name  string
	rfc   string
	when  func(c *conn) bool   // if nil, always
	value func(c *conn) string // what follows the name; if nil, nothing
}

// An enableFeature is what the ENABLE command can switch on (RFC 5161).
type enableFeature struct {
	name      string   // in upper case
	announced string   // as the ENABLED response writes it
	implies   []string // what is switched on with it
	// on, if not nil, runs when it is switched on.
	on func(ctx context.Context, c *conn) error
}

func (e enableFeature) key() string { return e.name }

// A modifier is a named option of a command that may carry a value: of FETCH, STORE (RFC 4466, sections 2.4 and 2.5),
// SELECT or CREATE (RFC 4466, sections 2.1 and 2.2).
type modifier[T any] struct {
	name string
	// parse reads the value, with the space before it, if there is one, and changes what the command will do.
	parse func(c *conn, target *T) error
}

func (m modifier[T]) key() string { return m.name }

// parseModifiers reads "(name [value] ...)", if it is there: each at most once. What is unknown is a syntax error.
func parseModifiers[T any](c *conn, known map[string]modifier[T], target *T) (found bool, err error) {
	var seen []string
	found = c.dec.List(func() bool {
		column := c.dec.Column()
		var name []byte
		if !c.dec.ExpectKeyword(&name, "a modifier") {
			return false
		}
		m, ok := known[string(name)]
		switch {
		case !ok:
			err = badAt("unknown modifier", column)
		case slices.Contains(seen, m.name):
			err = badAt("modifier given twice", column)
		default:
			seen = append(seen, m.name)
			err = m.parse(c, target)
		}
		return err == nil && c.dec.Err() == nil
	})
	return found, err
}
