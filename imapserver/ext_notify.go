package imapserver

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
	"github.com/mailhavn/mailhavn/storage"
)

// extNotify lets a client say of which changes it wants to be told, also between commands and in mailboxes that are not selected
// (RFC 5465). What a server always tells at the end of a command it goes on telling: else the client's view would be out of date.
func extNotify() extension {
	const rfc = "RFC 5465, section 3.1"
	return extension{
		file:         "notify",
		capabilities: []capability{{name: "NOTIFY", rfc: "RFC 5465, section 3"}},
		commands:     []command{{"NOTIFY", rfc, loggedIn, maySendExpunge, parseNotify}},
		shown: func(c *conn) {
			if c.notify != nil {
				c.notify.newMessages(c)
			}
		},
	}
}

// events are what can happen (RFC 5465, section 5), a set of them.
type events uint8

const (
	messageNew events = 1 << iota
	messageExpunge
	flagChange
	mailboxName
	subscriptionChange

	messageEvents = messageNew | messageExpunge | flagChange
)

// eventNames are the events that are supported, without those of annotations and metadata.
var eventNames = []struct {
	name  string
	event events
}{
	{"MessageNew", messageNew},
	{"MessageExpunge", messageExpunge},
	{"FlagChange", flagChange},
	{"MailboxName", mailboxName},
	{"SubscriptionChange", subscriptionChange},
}

// errBadEvent answers a client that wants events that are not supported (RFC 5465, section 3.1).
var errBadEvent = func() *Error {
	var names []string
	for _, e := range eventNames {
		names = append(names, e.name)
	}
	return &Error{Status: No, Code: "BADEVENT (" + strings.Join(names, " ") + ")", Text: "These events are supported"}
}()

// An eventGroup is events of some mailboxes.
type eventGroup struct {
	filter mailboxFilter
	events events
	news   *fetch // what to tell of new messages; nil for nothing
}

// notification is what a session has asked for by NOTIFY, and what it knows of mailboxes that are not selected.
type notification struct {
	selected eventGroup // of the selected mailbox
	others   []eventGroup
	wake     chan struct{}
	stop     func() // ends wake
	told     map[storage.ID]storage.MailboxInfo
	subs     []string
	stale    bool // told and subs may be
}

// maxEventGroups bounds the groups of one NOTIFY.
const maxEventGroups = 100

func parseNotify(c *conn) (action, error) {
	n := &notification{selected: eventGroup{filter: mailboxFilter{kind: "SELECTED"}}}
	status := false
	d := c.dec
	if !d.ExpectSP() {
		return nil, nil
	}
	if !d.Word("NONE") {
		if !d.ExpectWord("SET") || !d.ExpectSP() {
			return nil, nil
		}
		if status = d.Word("STATUS"); status && !d.ExpectSP() {
			return nil, nil
		}
		if err := c.parseEventGroups(n); err != nil || d.Err() != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) (reply, error) {
		c.notify.end()
		c.notify = n
		n.begin(c)
		if status {
			n.tellStatus(c)
		}
		return reply{}, nil
	}, nil
}

// parseEventGroups reads one or more groups.
func (c *conn) parseEventGroups(n *notification) error {
	for groups, selecting := 0, false; groups == 0 || c.dec.SP(); groups++ {
		column := c.dec.Column()
		g, err := c.parseEventGroup()
		if err != nil || c.dec.Err() != nil {
			return err
		}
		switch {
		case groups == maxEventGroups:
			return no("NOTIFICATIONOVERFLOW", "Too many groups of events")
		case !g.filter.selected():
			n.others = append(n.others, g)
		case selecting:
			return badAt("expected SELECTED or SELECTED-DELAYED at most once", column)
		default:
			selecting = true
			n.selected = g
		}
	}
	return nil
}

func (c *conn) parseEventGroup() (g eventGroup, err error) {
	d := c.dec
	if !d.ExpectByte('(') {
		return g, nil
	}
	if g.filter, err = c.parseMailboxFilter(); err != nil || !d.ExpectSP() {
		return g, err
	}
	column := d.Column()
	if !d.Word("NONE") {
		if err := c.parseEvents(&g); err != nil {
			return g, err
		}
	}
	d.ExpectByte(')')
	switch e := g.events; {
	case d.Err() != nil:
	case e&messageNew == 0 != (e&messageExpunge == 0) || e&messageEvents == flagChange: // RFC 5465, section 5
		return g, badAt("expected both MessageNew and MessageExpunge, or none of the events of messages", column)
	case g.filter.selected() && e&^messageEvents != 0:
		return g, badAt("expected only events of messages", column)
	case !g.filter.selected() && g.news != nil:
		return g, badAt("expected no data items: the mailbox is not selected", column)
	}
	return g, nil
}

// parseEvents reads a list of events, one of which may be followed by data items.
func (c *conn) parseEvents(g *eventGroup) (err error) {
	d := c.dec
	column := d.Column()
	d.ExpectList(func() bool {
		var name string
		if !d.ExpectAtom(&name) {
			return false
		}
		i := slices.IndexFunc(eventNames, func(e struct {
			name  string
			event events
		}) bool {
			return strings.EqualFold(e.name, name)
		})
		if i < 0 {
			err = errBadEvent
			return false
		}
		g.events |= eventNames[i].event
		if eventNames[i].event == messageNew && d.At(" (") && d.SP() {
			g.news, err = c.parseNews()
		}
		return err == nil && d.Err() == nil
	})
	if err == nil && g.events == 0 {
		err = badAt("expected an event", column+1)
	}
	return err
}

// begin takes what is now as told.
func (n *notification) begin(c *conn) {
	n.wake = make(chan struct{}, 1)
	n.stop = c.identity.account.Watch(n.wake)
	n.told, n.subs = snapshot(c)
	if c.selected != nil {
		c.selected.upTo = c.selected.view.data
	}
}

// end lets go of what begin took. It may be called on nil.
func (n *notification) end() {
	if n != nil {
		n.stop()
	}
}

func snapshot(c *conn) (map[storage.ID]storage.MailboxInfo, []string) {
	boxes := map[storage.ID]storage.MailboxInfo{}
	for info := range c.identity.account.Mailboxes() {
		boxes[info.ID] = info
	}
	return boxes, c.identity.account.Subscriptions()
}

// wants returns the events that are wanted of a mailbox that is not selected.
func (n *notification) wants(name string, subs []string) events {
	_, subscribed := slices.BinarySearch(subs, name)
	var e events
	for i := range n.others {
		if n.others[i].filter.match(name, subscribed) {
			e |= n.others[i].events
		}
	}
	return e
}

// tellStatus tells the state of the mailboxes of which events are wanted (RFC 5465, section 3.1).
func (n *notification) tellStatus(c *conn) {
	for info := range c.identity.account.Mailboxes() {
		wants := n.wants(info.Name, n.subs) & messageEvents
		if wants == 0 || c.selected != nil && c.selected.mbox.ID() == info.ID {
			continue
		}
		names := []string{"MESSAGES", "UIDNEXT", "UIDVALIDITY"}
		if wants&flagChange != 0 {
			names = append(names, "UNSEEN", "HIGHESTMODSEQ")
		}
		c.tellStatus(info, names)
	}
}

// tellStatus writes a STATUS response with those of the items that are known.
func (c *conn) tellStatus(info storage.MailboxInfo, names []string) {
	mbox, err := c.mailbox(info.Name)
	if err != nil {
		return // it has just been removed, which will be told
	}
	var items []statusItem
	for _, name := range names {
		if item, ok := c.registry.statusItems[name]; ok {
			items = append(items, item)
		}
	}
	c.writeStatus(items, &info, mbox)
}

// report tells what has happened. In IDLE, and only there, removals may be told that are to be delayed (RFC 5465, section 6.1.2).
func (n *notification) report(ctx context.Context, c *conn, idle bool) error {
	select { // before anything is looked at: what happens later wakes again
	case <-n.wake:
		n.stale = true
	default:
	}
	if c.selected != nil {
		later, err := c.selected.mbox.View(ctx)
		if err != nil || n.concerns(c, c.selected.view.data.Diff(later)) {
			err = c.sync(ctx, idle || n.selected.filter.kind == "SELECTED")
		}
		if err != nil {
			return err
		}
	}
	if n.stale {
		n.reportOthers(c)
	}
	return nil
}

// tellsFlags tells whether the client wants to be told of flags in the selected mailbox. It may be called on nil.
func (n *notification) tellsFlags() bool { return n != nil && n.selected.events&flagChange != 0 }

// woken notes that the account has changed. It may be called on nil.
func (n *notification) woken() {
	if n != nil {
		n.stale = true
	}
}

// concerns tells whether changes of the selected mailbox are to be told now, and not only at the end of a command.
func (n *notification) concerns(c *conn, d storage.Diff) bool {
	switch n.selected.events & messageEvents {
	case 0:
		return false
	case messageEvents:
		return true
	}
	return len(d.Added)+len(d.Expunged) > 0 || c.selected.view.withholds() || len(c.selected.live) > 0
}

// newMessages notes which new messages of the selected mailbox the client wants data of: not of those that it has made itself
// (RFC 5465, section 5.2).
func (n *notification) newMessages(c *conn) {
	s := c.selected
	if s.upTo == s.view.data {
		return
	}
	if n.selected.news != nil {
		s.wantNews(s.upTo.Diff(s.view.data).Added.Subtract(s.made), n.selected.news)
	}
	s.upTo, s.made = s.view.data, nil
}

// made notes messages that the session itself has put into a mailbox.
func (c *conn) made(mbox *storage.Mailbox, uids storage.UIDSet) {
	if s := c.selected; c.notify != nil && s != nil && s.mbox.ID() == mbox.ID() {
		s.made = s.made.Union(uids)
	}
}

// reportOthers compares the account with what was told.
func (n *notification) reportOthers(c *conn) {
	n.stale = false
	boxes, subs := snapshot(c)
	n.reportNames(c, boxes, subs)
	for _, info := range byName(boxes) {
		was, known := n.told[info.ID]
		if c.selected != nil && c.selected.mbox.ID() == info.ID {
			continue
		}
		wants := n.wants(info.Name, subs) & messageEvents
		if names := changed(c, &was.Status, &info.Status, wants, known); len(names) > 0 {
			c.tellStatus(info, names)
		}
	}
	n.told, n.subs = boxes, subs
}

func byName(boxes map[storage.ID]storage.MailboxInfo) []storage.MailboxInfo {
	var list []storage.MailboxInfo
	for _, info := range boxes {
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b storage.MailboxInfo) int { return names.Compare(a.Name, b.Name) })
	return list
}

// changed returns the items of STATUS that tell of a change that is wanted (RFC 5465, sections 5.1 to 5.3); none where there is none. A mailbox
// that was not known may be in the place of another, with another UIDVALIDITY.
func changed(c *conn, was, is *storage.Status, wants events, known bool) (names []string) {
	if wants&messageNew != 0 && (!known || was.Messages != is.Messages || was.UIDNext != is.UIDNext) {
		names = append(names, "UIDNEXT", "MESSAGES")
	}
	if wants&flagChange != 0 && was.Unseen != is.Unseen {
		names = append(names, "UNSEEN")
	}
	if c.condstore() && (len(names) > 0 || wants&flagChange != 0 && was.HighestModSeq != is.HighestModSeq) {
		names = append(names, "HIGHESTMODSEQ")
	}
	if len(names) > 0 && (wants&flagChange != 0 || !known) {
		names = append(names, "UIDVALIDITY")
	}
	return names
}

// reportNames tells of mailboxes that were made, removed or renamed, and of subscriptions (RFC 5465, sections 5.4 and 5.5).
func (n *notification) reportNames(c *conn, boxes map[storage.ID]storage.MailboxInfo, subs []string) {
	affected := map[string]string{} // the old name of each, or ""
	touch := func(name, old string, event events) {
		if n.wants(name, subs)&event != 0 {
			affected[name] = cmp.Or(affected[name], old)
		}
	}
	both := func(name string) { // a name and that above it
		touch(name, "", mailboxName)
		if up := names.Superior(name); up != "" {
			touch(up, "", mailboxName)
		}
	}
	for _, info := range boxes {
		was, known := n.told[info.ID]
		switch {
		case !known:
			both(info.Name)
		case was.Name != info.Name && !n.impliedRename(boxes, was.Name, info.Name):
			touch(info.Name, was.Name, mailboxName)
		}
	}
	for id, was := range n.told {
		if _, known := boxes[id]; !known {
			both(was.Name)
		}
	}
	for _, name := range difference(subs, n.subs) {
		touch(name, "", subscriptionChange)
	}
	c.tellNames(affected)
}

// impliedRename tells whether a rename is that of a mailbox above: then only that is told (RFC 5465, section 5.4).
func (n *notification) impliedRename(boxes map[storage.ID]storage.MailboxInfo, from, to string) bool {
	for _, was := range n.told {
		is, ok := boxes[was.ID]
		rest, below := strings.CutPrefix(from, was.Name+string(names.Separator))
		if ok && below && was.Name != is.Name && to == is.Name+string(names.Separator)+rest {
			return true
		}
	}
	return false
}

// difference returns what only one of two sorted lists has.
func difference(a, b []string) (out []string) {
	for _, pair := range [][2][]string{{a, b}, {b, a}} {
		for _, s := range pair[0] {
			if _, ok := slices.BinarySearch(pair[1], s); !ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// tellNames writes a LIST response for each name, with its old name where it has one.
func (c *conn) tellNames(affected map[string]string) {
	if len(affected) == 0 {
		return
	}
	l := &listing{attributes: []func(*names.Entry) string{subscribedAttribute}, oldNames: affected}
	h := names.Of(c.identity.account)
	for _, name := range slices.SortedFunc(maps.Keys(affected), names.Compare) {
		c.writeListEntry(l, h.Entry(name))
	}
}
