package imapserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
)

// registry is the tables of a server: what is understood, and therefore what is announced. It is constant.
type registry struct {
	commands      map[string]*command
	extensions    []extension
	fetchItems    map[string]fetchItem
	fetchMods     map[string]modifier[fetch]
	storeMods     map[string]modifier[store]
	searchKeys    map[string]searchKey
	searchReturns map[string]searchReturn
	sortKeys      map[string]sortKey
	statusItems   map[string]statusItem
	listSelects   map[string]listOption
	listReturns   map[string]listOption
	selectParams  map[string]modifier[selection]
	createParams  map[string]modifier[creation]
	appendForms   map[string]appendForm
	enables       map[string]enableFeature
}

// newRegistry joins the base with the extensions.
func newRegistry(base []command, list []extension) *registry {
	r := &registry{extensions: list}
	all := append([]extension{{
		commands: base, fetchItems: baseFetchItems(), searchKeys: baseSearchKeys(), statusItems: baseStatusItems(),
	}}, list...)
	r.commands = index(all, func(e *extension) []command { return e.commands },
		func(c command) (string, *command) { return c.name, &c })
	r.fetchItems = index(all, func(e *extension) []fetchItem { return e.fetchItems }, named[fetchItem])
	r.fetchMods = index(all, func(e *extension) []modifier[fetch] { return e.fetchMods }, named[modifier[fetch]])
	r.storeMods = index(all, func(e *extension) []modifier[store] { return e.storeMods }, named[modifier[store]])
	r.searchKeys = index(all, func(e *extension) []searchKey { return e.searchKeys }, named[searchKey])
	r.searchReturns = index(all, func(e *extension) []searchReturn { return e.searchReturns }, named[searchReturn])
	r.sortKeys = index(all, func(e *extension) []sortKey { return e.sortKeys }, named[sortKey])
	r.statusItems = index(all, func(e *extension) []statusItem { return e.statusItems }, named[statusItem])
	r.listSelects = index(all, func(e *extension) []listOption { return e.listSelects }, named[listOption])
	r.listReturns = index(all, func(e *extension) []listOption { return e.listReturns }, named[listOption])
	r.selectParams = index(all, func(e *extension) []modifier[selection] { return e.selectParams }, named[modifier[selection]])
	r.createParams = index(all, func(e *extension) []modifier[creation] { return e.createParams }, named[modifier[creation]])
	r.appendForms = index(all, func(e *extension) []appendForm { return e.appendForms }, named[appendForm])
	r.enables = index(all, func(e *extension) []enableFeature { return e.enables }, named[enableFeature])
	return r
}

// index collects one kind of table row of all extensions by name.
func index[R, V any](all []extension, rows func(*extension) []R, entry func(R) (string, V)) map[string]V {
	m := map[string]V{}
	for i := range all {
		for _, row := range rows(&all[i]) {
			name, v := entry(row)
			m[name] = v
		}
	}
	return m
}

func named[R interface{ key() string }](r R) (string, R) { return r.key(), r }

// run reads the rest of a command whose first line is there, does it, and answers.
func (c *conn) run() {
	c.holdExpunge = false
	defer c.closeBodies()
	act, err := c.parse()
	var r reply
	if err == nil {
		r, err = c.perform(act)
	} else if e := c.dec.Err(); e != nil && !isAnswer(e) {
		c.lost(e)
		return
	}
	c.answer(r, err)
}

// isAnswer tells whether an error of the decoder is about the command, and not about the connection.
func isAnswer(err error) bool {
	var syntax *wire.SyntaxError
	var e *Error
	return errors.As(err, &syntax) || errors.As(err, &e)
}

// parse reads a command completely and finds out whether it may be done.
func (c *conn) parse() (action, error) {
	d := c.dec
	c.tag, c.running, c.told = c.tag[:0], nil, time.Now()
	if !d.ExpectTag(&c.tag) || !d.ExpectSP() {
		return nil, d.Err()
	}
	column := d.Column()
	if !d.ExpectKeyword(&c.name, "a command") {
		return nil, d.Err()
	}
	if string(c.name) == "UID" && d.SP() {
		var second []byte
		if !d.ExpectKeyword(&second, "a command of UID") {
			return nil, d.Err()
		}
		c.name = append(append(c.name, ' '), second...)
	}
	c.running = c.registry.commands[string(c.name)]
	if c.running == nil {
		return nil, badAt("unknown command", column)
	}
	if err := c.permits(c.running); err != nil {
		return nil, err
	}
	act, err := c.running.parse(c)
	if err == nil {
		d.ExpectCRLF()
		err = d.Err()
	}
	return act, err
}

var (
	errPrivacy = &Error{Status: No, Code: "PRIVACYREQUIRED", Text: "Not without TLS"}
	errExpired = &Error{Status: Bye, Code: "EXPIRED", Text: "The session has expired"}
)

// permits tells whether the command may be given at all, before its arguments are read: so a password that comes without TLS is not
// even asked for (RFC 9051, section 11).
func (c *conn) permits(cmd *command) error {
	switch {
	case cmd.states&c.state == 0:
		return bad(fmt.Sprintf("%s is not possible in this state", cmd.name))
	case cmd.flags&preTLS == 0 && c.tls == nil && !c.server.InsecureAuth:
		c.failures++
		return c.limitFailures(errPrivacy)
	case c.identity.expired():
		return errExpired
	case cmd.flags&byNumber != 0 && c.uidOnly():
		return errUIDRequired
	case cmd.flags&writes != 0 && c.identity.readOnly:
		return errReadOnly
	case cmd.flags&changesMailbox != 0 && c.selected.readOnly:
		return no("", "Mailbox is selected read-only")
	}
	return nil
}

// perform runs a command and tells the client what has changed in its mailbox.
func (c *conn) perform(act action) (reply, error) {
	flags := c.running.flags
	if flags&interactive == 0 {
		c.in.watch(c.cancel)
		defer c.in.unwatch()
	}
	r, err := act(c.ctx)
	if c.selected == nil || c.state == logout {
		return r, err
	}
	if e := new(Error); errors.As(err, &e) && e.Status == Bye {
		return r, err
	}
	if syncErr := c.sync(c.ctx, flags&maySendExpunge != 0 && !c.holdExpunge); err == nil {
		err = syncErr
	}
	return r, err
}

// goesOn is called by commands that can take long after each message: it ends them when the client is gone, and lets extensions tell
// how far they are.
func (c *conn) goesOn(ctx context.Context, done, goal int) error {
	if done%64 != 0 {
		return nil
	}
	for _, e := range c.registry.extensions {
		if e.progress == nil {
			continue
		}
		if err := e.progress(c, done, goal); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// answer sends the tagged response.
func (c *conn) answer(r reply, err error) {
	tag := c.tag
	if len(tag) == 0 {
		tag = nil
	}
	if err != nil {
		c.fail(tag, err)
		return
	}
	if c.state != notAuthenticated {
		c.faults = 0
	}
	if code := c.modSeqCode(); r.code == "" {
		r.code = code
	} else if code != "" {
		c.untaggedOK(code, "What is known up to here")
	}
	if r.text == "" {
		r.text = string(c.name) + " completed"
	}
	c.status(tag, &Error{Status: OK, Code: r.code, Text: r.text})
	if r.after != nil {
		if err := r.after(); err != nil {
			c.logger().Debug("imap: connection ended", "error", err)
			c.change(didLogout)
		}
	}
}

// fail sends a negative answer.
func (c *conn) fail(tag []byte, err error) {
	if c.state == logout || c.ctx.Err() != nil { // the connection has ended, and that is why
		c.change(didLogout)
		return
	}
	e, hidden := wireError(err)
	if hidden {
		c.logger().Error("imap: command failed", "command", string(c.name), "error", err)
	}
	switch e.status() {
	case Bye:
		c.bye(e)
		return
	case Bad:
		c.faults++
	}
	if code := c.modSeqCode(); code != "" {
		c.untaggedOK(code, "What is known up to here")
	}
	c.status(tag, e)
}
