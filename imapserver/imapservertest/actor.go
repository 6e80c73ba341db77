package imapservertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// memory is what a client keeps of a mailbox that it does not look at, to resynchronise it later.
type memory struct {
	validity, highest uint64
	messages          []message
}

// actor is one client of a simulation.
type actor struct {
	sim   *simulation
	name  string
	mode  mode
	rnd   *rand.Rand
	s     *session // nil: not connected
	box   string   // selected; "": none
	cache map[string]memory
}

// act does one random thing.
func (a *actor) act() error {
	if a.s == nil {
		return a.connect()
	}
	if a.box == "" {
		return a.open()
	}
	messages, _ := a.s.belief()
	if len(messages) == 0 || a.rnd.IntN(6) == 0 {
		return a.append()
	}
	choices := a.choices(len(messages))
	return a.do(choices[a.rnd.IntN(len(choices))])
}

// connect opens a connection; the modes that the server lacks are left out.
func (a *actor) connect() error {
	r := &runner{server: a.sim.r.server, log: a.sim.r.log, user: a.sim.r.user, password: a.sim.r.password,
		sessions: map[string]*session{}}
	for _, needed := range a.mode.needs {
		if !r.server.lacks(needed) {
			r.mode.needs = append(r.mode.needs, needed)
		}
	}
	s, err := r.session(a.name)
	a.s = s
	return err
}

// open selects a mailbox, from memory where the client has one.
func (a *actor) open() error {
	box := a.sim.boxes[a.rnd.IntN(len(a.sim.boxes))]
	a.remember()
	verb := "SELECT "
	if a.rnd.IntN(8) == 0 {
		verb = "EXAMINE "
	}
	old, known := a.cache[box]
	if !known || !a.s.qresync() || a.rnd.IntN(5) == 0 {
		return a.plainSelect(verb, box)
	}
	a.box = ""
	if _, err := a.s.command(fmt.Sprintf("%s%s (QRESYNC (%d %d))", verb, box, old.validity, old.highest)); err != nil {
		return err
	}
	a.box = box
	a.sim.count("resynchronised")
	return a.s.resynchronise(old)
}

func (a *actor) plainSelect(verb, box string) error {
	a.box = ""
	if _, err := a.s.command(verb + box); err != nil {
		return err
	}
	a.box = box
	return a.look()
}

// look makes sure that the client knows UIDs and flags of all messages.
func (a *actor) look() error {
	messages, _ := a.s.belief()
	first := slices.IndexFunc(messages, func(m message) bool { return m.uid == 0 || !m.known })
	if first < 0 {
		return nil
	}
	_, err := a.s.command(fmt.Sprintf("FETCH %d:* (UID FLAGS)", first+1))
	return err
}

// remember keeps what the client knows of its mailbox, if it knows all.
func (a *actor) remember() {
	if a.s == nil || a.box == "" {
		return
	}
	m := a.s.memory()
	if slices.ContainsFunc(m.messages, func(m message) bool { return m.uid == 0 || !m.known }) {
		delete(a.cache, a.box)
		return
	}
	a.cache[a.box] = m
}

// drop loses the connection.
func (a *actor) drop() {
	a.remember()
	a.s.close()
	a.s, a.box = nil, ""
}

func (a *actor) append() error {
	box := a.sim.boxes[a.rnd.IntN(len(a.sim.boxes))]
	body := fmt.Sprintf("Subject: %s %d\r\n\r\nText.\r\n", a.name, a.rnd.Uint32())
	_, err := a.s.commandParts([]linePart{
		{text: fmt.Sprintf("APPEND %s (%s) ", box, a.flags()), literal: &literal{data: []byte(body), sync: a.rnd.IntN(2) == 0}}, {},
	})
	if err != nil {
		return err
	}
	return a.catchUp()
}

// flags returns some flags.
func (a *actor) flags() string {
	all := []string{`\Seen`, `\Flagged`, `\Answered`, `\Draft`, `\Deleted`, "$Forwarded", "work"}
	a.rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return strings.Join(all[:a.rnd.IntN(3)], " ")
}

// seqSet returns a set of sequence numbers among the n that the client counts.
func (a *actor) seqSet(n int) string {
	x, y := a.rnd.IntN(n)+1, a.rnd.IntN(n)+1
	return []string{fmt.Sprint(x), fmt.Sprintf("%d:%d", x, y), fmt.Sprintf("%d,%d", x, y), fmt.Sprintf("%d:*", x)}[a.rnd.IntN(4)]
}

// uidSet returns a set of UIDs, of which some need not exist.
func (a *actor) uidSet() string {
	x, y := a.rnd.IntN(60)+1, a.rnd.IntN(60)+1
	return []string{fmt.Sprint(x), fmt.Sprintf("%d:%d", min(x, y), max(x, y)), fmt.Sprintf("%d,%d", x, y)}[a.rnd.IntN(3)]
}

// choices returns what the client may do in a mailbox of n messages: commands, "drop" or "open".
func (a *actor) choices(n int) []string {
	store := []string{"FLAGS", "+FLAGS", "-FLAGS", "FLAGS.SILENT", "+FLAGS.SILENT", "-FLAGS.SILENT"}[a.rnd.IntN(6)] + " (" + a.flags() + ")"
	other := a.sim.boxes[a.rnd.IntN(len(a.sim.boxes))]
	list := []string{
		"NOOP", "NOOP", "FETCH " + a.seqSet(n) + " (FLAGS)", "FETCH " + a.seqSet(n) + " (UID FLAGS)",
		"FETCH " + a.seqSet(n) + " (BODY[TEXT]<0.3>)", "FETCH " + a.seqSet(n) + " (ENVELOPE RFC822.SIZE INTERNALDATE)",
		"UID FETCH " + a.uidSet() + " (FLAGS)", "UID FETCH " + a.uidSet() + " (BODY[])", "UID FETCH " + a.uidSet() + " (BODY.PEEK[] FLAGS)",
		"SEARCH UNSEEN", "UID SEARCH DELETED", "UID SEARCH " + a.seqSet(n) + " UNSEEN", "SEARCH RETURN (MIN MAX COUNT ALL) FLAGGED", "SEARCH SUBJECT A",
		"STATUS " + other + " (MESSAGES UNSEEN)", "IDLE", "IDLE", "open", "drop", "pipeline", "pipeline", "search", "search",
	}
	if n < maxSimulated {
		list = append(list, "COPY "+a.seqSet(n)+" "+other, "UID COPY "+a.uidSet()+" "+other)
	}
	if a.s.readOnly() {
		return list
	}
	list = append(list, "EXPUNGE", "EXPUNGE", "UID EXPUNGE "+a.uidSet(), "CLOSE", "MOVE "+a.seqSet(n)+" "+other,
		"UID MOVE "+a.uidSet()+" "+other, "STORE "+a.seqSet(n)+` +FLAGS (\Deleted)`, "STORE "+a.seqSet(n)+" "+store,
		"STORE "+a.seqSet(n)+" "+store, "UID STORE "+a.uidSet()+" "+store)
	if m := a.s.memory(); m.highest > 0 && a.s.condstore() {
		list = append(list, fmt.Sprintf("STORE %s (UNCHANGEDSINCE %d) %s", a.seqSet(n), m.highest, store),
			fmt.Sprintf("UID STORE %s (UNCHANGEDSINCE %d) %s", a.uidSet(), m.highest, store),
			fmt.Sprintf("FETCH 1:* (FLAGS) (CHANGEDSINCE %d)", m.highest))
	}
	return list
}

// maxSimulated is the number of messages from which clients copy no more.
const maxSimulated = 40

// mayFail tells whether NO is a legal answer, because a message may be gone already.
func mayFail(line string) bool {
	name := strings.TrimPrefix(newCommand("x "+line).name, "UID ")
	return slices.Contains([]string{"FETCH", "STORE", "COPY", "MOVE"}, name)
}

// do runs one of the choices.
func (a *actor) do(line string) error {
	switch line {
	case "open":
		return a.open()
	case "drop":
		a.drop()
		return nil
	case "IDLE":
		return a.idle()
	case "pipeline":
		return a.pipeline()
	case "search":
		return a.search()
	case "CLOSE":
		a.remember()
		delete(a.cache, a.box) // what CLOSE expunges is not told
		a.box = ""
	}
	untagged, err := a.s.command(line)
	if err := a.tally(untagged); err != nil {
		return err
	}
	if err != nil && !(errors.Is(err, errRefused) && mayFail(line)) {
		return fmt.Errorf("client %s (%s): %w", a.name, a.mode.name, err)
	}
	return a.catchUp()
}

// pipeline sends several commands at once, with sequence numbers only before any that may expunge (RFC 9051, section 5.5).
func (a *actor) pipeline() error {
	messages, _ := a.s.belief()
	lines := []string{"FETCH " + a.seqSet(len(messages)) + " (FLAGS)", "SEARCH UNSEEN", "NOOP", "UID FETCH " + a.uidSet() + " (FLAGS)"}
	if !a.s.readOnly() {
		lines = slices.Insert(lines, 1, "STORE "+a.seqSet(len(messages))+" FLAGS ("+a.flags()+")")
	}
	var tags []string
	for i, line := range lines {
		tag := a.s.newTag()
		tags = append(tags, tag)
		a.s.note(tag + " " + line)
		if err := a.s.sendLine([]linePart{{text: tag + " " + line}}, i < len(lines)-1); err != nil {
			return err
		}
	}
	for _, tag := range tags {
		untagged, err := a.s.await(tag)
		if err == nil {
			err = a.tally(untagged)
		}
		if err != nil && !errors.Is(err, errRefused) {
			return err
		}
	}
	return a.catchUp()
}

// catchUp looks at messages that are new to a client that must know UIDs to understand VANISHED.
func (a *actor) catchUp() error {
	if a.box == "" || !a.s.qresync() {
		return nil
	}
	return a.look()
}

// tally counts the responses, and compares bodies with what was seen of them before. NIL is what some servers tell of messages that others have
// expunged (RFC 2180, section 4.1.3).
func (a *actor) tally(untagged []response) error {
	for _, u := range untagged {
		if name := u.name(); name != "OK" && name != "SEARCH" && name != "ESEARCH" {
			a.sim.count(name)
		}
		if u.name() != "FETCH" || a.box == "" {
			continue
		}
		items, _, _ := toPairs(u.body[2].list)
		uid, ok := items["UID"]
		body, ok2 := items["BODY[]"]
		if ok && ok2 && body.kind == str {
			if err := a.sim.sameBody(a.box, uid, body.text); err != nil {
				return err
			}
		}
	}
	return nil
}

// searchKeys are search keys and the flags that decide them.
var searchKeys = []struct {
	key, flag string
	without   bool
}{
	{"SEEN", `\seen`, false}, {"UNSEEN", `\seen`, true}, {"FLAGGED", `\flagged`, false}, {"UNANSWERED", `\answered`, true},
	{"DELETED", `\deleted`, false}, {"UNDELETED", `\deleted`, true}, {"KEYWORD work", "work", false}, {"UNKEYWORD $forwarded", "$forwarded", true},
}

// search compares the result of a search with what the client believes, while nobody else acts.
func (a *actor) search() error {
	if _, err := a.s.command("NOOP"); err != nil {
		return err
	}
	k := searchKeys[a.rnd.IntN(len(searchKeys))]
	messages, _ := a.s.belief()
	var want numSet
	for i, m := range messages {
		if !m.known {
			return nil
		}
		if slices.Contains(strings.Fields(m.flags), k.flag) != k.without {
			want = append(want, numRange{uint32(i + 1), uint32(i + 1)})
		}
	}
	untagged, err := a.s.command("SEARCH RETURN (ALL) " + k.key)
	if err != nil || !a.sim.inTurnNow {
		return err
	}
	var got string
	for _, u := range untagged {
		if u.name() == "ESEARCH" && len(u.body) == 4 {
			got = u.body[3].text
		}
	}
	a.sim.count("searched")
	if got != want.merged().String() && !equalSets(got, want.String(), false) {
		return fmt.Errorf("client %s (%s): SEARCH %s found %q, believed are %s", a.name, a.mode.name, k.key, got, want.merged())
	}
	return nil
}

// idle waits for news for a short time.
func (a *actor) idle() error {
	tag := a.s.newTag()
	a.s.note(tag + " IDLE")
	if err := a.s.write([]byte(tag + " IDLE\r\n")); err != nil {
		return err
	}
	if err := a.s.awaitContinuation(); err != nil {
		return err
	}
	for a.rnd.IntN(3) > 0 {
		if _, err := a.s.next(quietTime / 20); err != nil {
			break
		}
	}
	if err := a.s.write([]byte("DONE\r\n")); err != nil {
		return err
	}
	untagged, err := a.s.await(tag)
	if err == nil {
		err = a.tally(untagged)
	}
	if err != nil {
		return err
	}
	return a.catchUp()
}
