package imapservertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Simulation says what [Simulate] does.
type Simulation struct {
	// Seed decides what is sent. Rounds in which sessions act at the same time may still differ from run to run.
	Seed uint64
	// Sessions is how many clients act on one account. If zero, 4.
	Sessions int
	// Rounds is how often all clients act and are then compared. If zero, 20.
	Rounds int
	// Commands is how many commands a client sends in a round. If zero, 10.
	Commands int
}

// simulation is the state of a Simulate.
type simulation struct {
	Simulation
	r      *runner
	actors []*actor
	boxes  []string

	mu   sync.Mutex // guards seen
	seen map[string]int
}

// Simulate lets several clients send random legal commands to one account, in turn and at the same time, some losing
// their connection and coming back by QRESYNC. Each believes what the server tells it; every response is held to the
// rules, and whenever all are at rest each must believe what a fresh look at its mailbox shows.
func Simulate(t *testing.T, s Server, o Simulation) {
	for field, value := range map[*int]int{&o.Sessions: 4, &o.Rounds: 20, &o.Commands: 10} {
		if *field == 0 {
			*field = value
		}
	}
	user, password := s.NewAccount(t)
	sim := &simulation{
		Simulation: o, seen: map[string]int{}, boxes: []string{"INBOX", "sim-1", "sim-2"},
		r: newRunner(&s, conversation{}, mode{}, user, password),
	}
	defer sim.closeAll()
	if err := sim.run(); err != nil {
		t.Fatalf("seed %d: %v\n\n%s", o.Seed, err, tail(sim.r.log.String()))
	}
	t.Logf("seed %d: %v", o.Seed, sim.seen)
	for kind, rounds := range map[string]int{"EXISTS": 10, "EXPUNGE": 20, "FETCH": 10, "compared": 10, "resynchronised": 100} {
		if sim.seen[kind] == 0 && o.Rounds >= rounds {
			t.Errorf("seed %d: no %s in the whole simulation", o.Seed, kind)
		}
	}
}

func (sim *simulation) closeAll() {
	for _, a := range sim.actors {
		if a.s != nil {
			a.s.close()
		}
	}
}

// tail returns the end of a transcript.
func tail(s string) string {
	const most = 60_000
	if len(s) > most {
		return "...\n" + s[len(s)-most:]
	}
	return s
}

func (sim *simulation) run() error {
	if err := sim.r.setup(func(s *session) error { return createMailboxes(s, sim.boxes[1:]) }); err != nil {
		return err
	}
	rnd := rand.New(rand.NewPCG(sim.Seed, 0))
	for i := range sim.Sessions {
		a := &actor{sim: sim, name: string(rune('A' + i)), rnd: rand.New(rand.NewPCG(sim.Seed, uint64(i)+1)), cache: map[string]memory{}}
		a.mode = simModes[i%len(simModes)]
		sim.actors = append(sim.actors, a)
	}
	for round := range sim.Rounds {
		act := sim.inTurn
		if round%2 == 1 {
			act = sim.atOnce
		}
		if err := act(rnd); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		if err := sim.compare(); err != nil {
			return fmt.Errorf("after round %d: %w", round, err)
		}
	}
	return nil
}

// simModes are what the clients enable, in turn.
var simModes = []mode{
	{name: "qresync", needs: []string{"QRESYNC"}},
	{name: "rev1"},
	{name: "rev2", needs: []string{"IMAP4rev2"}},
	{name: "condstore", needs: []string{"CONDSTORE"}},
	{name: "rev2qresync", needs: []string{"IMAP4rev2", "QRESYNC"}},
}

// inTurn lets one client act at a time: the same seed gives the same commands.
func (sim *simulation) inTurn(rnd *rand.Rand) error {
	for range sim.Commands * len(sim.actors) {
		if err := sim.actors[rnd.IntN(len(sim.actors))].act(); err != nil {
			return err
		}
	}
	return nil
}

// atOnce lets all clients act at the same time.
func (sim *simulation) atOnce(*rand.Rand) error {
	errs := make([]error, len(sim.actors))
	var wg sync.WaitGroup
	for i, a := range sim.actors {
		wg.Go(func() {
			for range sim.Commands {
				if errs[i] = a.act(); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// compare checks what all clients believe against a fresh look at each mailbox.
func (sim *simulation) compare() error {
	truths := map[string][]message{}
	err := sim.r.setup(func(s *session) error {
		for _, box := range sim.boxes {
			if _, err := s.command("EXAMINE " + box); err != nil {
				return err
			}
			if messages, _ := s.belief(); len(messages) > 0 {
				if _, err := s.command("FETCH 1:* (UID FLAGS)"); err != nil {
					return err
				}
			}
			truths[box], _ = s.belief()
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range sim.actors {
		if a.s == nil || a.box == "" {
			continue
		}
		if _, err := a.s.command("NOOP"); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		believed, _ := a.s.belief()
		if err := compareBeliefs(believed, truths[a.box]); err != nil {
			return fmt.Errorf("client %s (%s) in %s: %w", a.name, a.mode.name, a.box, err)
		}
		sim.count("compared")
	}
	return nil
}

// count notes that something happened.
func (sim *simulation) count(what string) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.seen[what]++
}

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
		"UID FETCH " + a.uidSet() + " (FLAGS)", "UID FETCH " + a.uidSet() + " (BODY[])",
		"SEARCH UNSEEN", "UID SEARCH DELETED", "UID SEARCH " + a.seqSet(n) + " UNSEEN", "SEARCH RETURN (MIN MAX COUNT ALL) FLAGGED", "SEARCH SUBJECT A",
		"STATUS " + other + " (MESSAGES UNSEEN)", "IDLE", "IDLE", "open", "drop", "pipeline", "pipeline",
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
	case "CLOSE":
		a.remember()
		delete(a.cache, a.box) // what CLOSE expunges is not told
		a.box = ""
	}
	untagged, err := a.s.command(line)
	a.tally(untagged)
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
		a.tally(untagged)
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

func (a *actor) tally(untagged []response) {
	for _, u := range untagged {
		if name := u.name(); name != "OK" && name != "SEARCH" && name != "ESEARCH" {
			a.sim.count(name)
		}
	}
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
	a.tally(untagged)
	if err != nil {
		return err
	}
	return a.catchUp()
}
