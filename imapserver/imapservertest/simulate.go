package imapservertest

import (
	"fmt"
	"math/rand/v2"
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

	inTurnNow bool // nobody acts but one client

	mu     sync.Mutex // guards the following fields
	seen   map[string]int
	bodies map[string]string // by mailbox and UID
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
		Simulation: o, seen: map[string]int{}, bodies: map[string]string{}, boxes: []string{"INBOX", "sim-1", "sim-2"},
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
	sim.inTurnNow = true
	defer func() { sim.inTurnNow = false }()
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
	for _, box := range sim.boxes {
		truth, _, err := sim.r.look(box)
		if err != nil {
			return err
		}
		truths[box] = truth.messages
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

// sameBody checks that a UID names one message for ever (RFC 9051, section 2.3.1.1).
func (sim *simulation) sameBody(box string, uid value, body string) error {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	key := box + " " + uid.text
	if old, ok := sim.bodies[key]; ok && old != body {
		return fmt.Errorf("UID %s of %s was %q and is %q", uid.text, box, old, body)
	}
	sim.bodies[key] = body
	return nil
}

// count notes that something happened.
func (sim *simulation) count(what string) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.seen[what]++
}
