//go:build interop

package interop_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var kills = flag.Int("kills", 8, "how often TestKill kills the server")

const (
	// loadMark begins the messages of the load; what is before it comes from the delivery.
	loadMark    = "X-Load: "
	loadWorkers = 4
	loadBatch   = 4  // messages in one operation, at most
	loadEnough  = 60 // messages of a worker in a mailbox, from which on it removes more than it adds
)

var loadBoxes = []string{"INBOX", "A", "B", "A/C"}

// load is clients that work on the server and note each answer.
type load struct {
	*model
	s       *server
	counter atomic.Int64
	killed  atomic.Bool // whether errors of connections are the test's doing
}

// TestKill kills the server at random moments while clients work on it, and sees that what was acknowledged holds: messages are
// there with their bytes, flags and UIDs; what was expunged or moved does not come back; UIDs are not reused.
func TestKill(t *testing.T) {
	var places []place
	for _, user := range []string{anna, bert} {
		for _, box := range loadBoxes {
			places = append(places, place{user, box})
		}
	}
	l := &load{model: newModel(places), s: newServer(t)}
	for _, user := range []string{anna, bert} {
		w := l.s.connect(user)
		for _, box := range loadBoxes[1:] {
			w.must(t, "CREATE %s", box)
		}
		w.close()
	}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for i := range *kills {
		before := l.done
		l.run(t, time.Duration(100+random.IntN(900))*time.Millisecond)
		if i%3 == 2 { // and once more while it recovers
			l.s.spawn()
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
			l.s.kill()
		}
		l.s.start()
		n := l.verify(t, l.s)
		l.s.check()
		t.Logf("kill %d: %d operations acknowledged, %d messages", i+1, l.done-before, n)
		if t.Failed() {
			t.FailNow()
		}
	}
	if l.done < 20**kills {
		t.Errorf("only %d operations were acknowledged in %d runs", l.done, *kills)
	}
}

// run works for some time, then kills the server; all workers have ended when it returns.
func (l *load) run(t *testing.T, after time.Duration) {
	t.Helper()
	l.killed.Store(false)
	var wait, ready sync.WaitGroup
	for i := range loadWorkers {
		for _, user := range []string{anna, bert} {
			ready.Add(1)
			wait.Go(func() {
				w, err := dialWire(l.s.imaps, user)
				ready.Done()
				if err != nil {
					t.Error(err)
					return
				}
				defer w.close()
				l.worker(t, w, user, i)
			})
		}
	}
	ready.Wait()
	for range 2 {
		wait.Go(func() { l.deliveries(t) })
	}
	time.Sleep(after)
	l.killed.Store(true)
	l.s.kill()
	wait.Wait()
}

// message makes a message that there has not been before, some of them large.
func (l *load) message(random *rand.Rand) string {
	n := l.counter.Add(1)
	size := random.IntN(3_000)
	if random.IntN(20) == 0 {
		size = random.IntN(300_000)
	}
	return fmt.Sprintf(loadMark+"%d\r\nFrom: load@example.org\r\nSubject: load %d\r\n\r\n%s", n, n,
		strings.Repeat(fmt.Sprintf("line of load %d\r\n", n), 1+size/20))
}

// ended reports an error, unless it is that of a connection that the test has cut.
func (l *load) ended(t *testing.T, err error) {
	if no := new(refused); errors.As(err, &no) || !l.killed.Load() {
		t.Errorf("load: %v", err)
	}
}

// worker is one connection, which changes only messages whose UIDs are its own by number, so that it knows what they are.
func (l *load) worker(t *testing.T, w *wire, user string, i int) {
	random := rand.New(rand.NewPCG(uint64(l.counter.Add(1)), uint64(i)))
	mine := func(uid uint32) bool { return int(uid)%loadWorkers == i }
	for !t.Failed() {
		at := place{user, loadBoxes[random.IntN(len(loadBoxes))]}
		if _, err := w.command("SELECT %q", at.box); err != nil {
			l.ended(t, err)
			return
		}
		for range 1 + random.IntN(12) {
			own := l.own(at, mine)
			if _, err := w.command("NOOP"); err != nil { // so that the session knows them
				l.ended(t, err)
				return
			}
			batch := pick(own, random)
			to := place{user, loadBoxes[random.IntN(len(loadBoxes))]}
			var err error
			switch n := random.IntN(10); {
			case len(batch) == 0 || n < 3 && len(own) < loadEnough:
				err = l.append(t, w, to, random)
			case n < 5:
				err = l.store(w, batch, random)
			case n < 6 && len(own) < loadEnough:
				err = l.copy(t, w, batch, to)
			case n < 8 && to != at:
				err = l.move(t, w, batch, to)
			default:
				err = l.expunge(w, batch)
			}
			if err != nil {
				l.ended(t, err)
				return
			}
			l.change(func() { l.done++ })
		}
	}
}

// pick takes some messages.
func pick(own []*held, random *rand.Rand) (batch []*held) {
	for _, i := range random.Perm(len(own))[:min(len(own), 1+random.IntN(loadBatch))] {
		batch = append(batch, own[i])
	}
	return batch
}

// uidSet names messages.
func uidSet(batch []*held) string {
	var b []string
	for _, h := range batch {
		b = append(b, fmt.Sprint(h.uid))
	}
	return strings.Join(b, ",")
}

func (l *load) append(t *testing.T, w *wire, to place, random *rand.Rand) error {
	text, flags := l.message(random), randomFlags(random)
	var answered func()
	l.change(func() { answered = l.expect(to, digest(text)) })
	rs, err := w.command("APPEND %q (%s) %s", to.box, flags, literal(text))
	if err != nil {
		return err
	}
	l.change(func() {
		answered()
		l.arrived(t, &held{place: to, uid: number(rs, `\[APPENDUID \d+ (\d+)\]`), content: digest(text), flags: flags})
	})
	return nil
}

var loadFlags = []string{`\Answered`, `\Draft`, `\Flagged`, `\Seen`, "$Forwarded", "kept"}

func randomFlags(random *rand.Rand) string {
	var flags []string
	for _, f := range loadFlags {
		if random.IntN(3) == 0 {
			flags = append(flags, f)
		}
	}
	return canonicalFlags(strings.Join(flags, " "))
}

// store replaces flags; the new ones are never none, which tells them from nothing uncertain.
func (l *load) store(w *wire, batch []*held, random *rand.Rand) error {
	flags := canonicalFlags(randomFlags(random) + " kept")
	l.change(func() {
		for _, h := range batch {
			h.maybeFlags = flags
		}
	})
	if _, err := w.command("UID STORE %s FLAGS.SILENT (%s)", uidSet(batch), flags); err != nil {
		return err
	}
	l.change(func() {
		for _, h := range batch {
			h.flags, h.maybeFlags = flags, ""
		}
	})
	return nil
}

func (l *load) copy(t *testing.T, w *wire, batch []*held, to place) error {
	var answered []func()
	l.change(func() {
		for _, h := range batch {
			answered = append(answered, l.expect(to, h.content))
		}
	})
	rs, err := w.command("UID COPY %s %q", uidSet(batch), to.box)
	if err != nil {
		return err
	}
	uids, err := copied(rs, batch)
	if err != nil {
		return err
	}
	l.change(func() {
		for i, h := range batch {
			answered[i]()
			l.arrived(t, &held{place: to, uid: uids[h.uid], content: h.content, flags: h.flags})
		}
	})
	return nil
}

func (l *load) move(t *testing.T, w *wire, batch []*held, to place) error {
	l.change(func() {
		for _, h := range batch {
			h.maybeAt = to.box
		}
	})
	rs, err := w.command("UID MOVE %s %q", uidSet(batch), to.box)
	if err != nil {
		return err
	}
	uids, err := copied(rs, batch)
	if err != nil {
		return err
	}
	l.change(func() {
		for _, h := range batch {
			delete(l.held[h.place], h.uid)
			l.arrived(t, &held{place: to, uid: uids[h.uid], content: h.content, flags: h.flags})
		}
	})
	return nil
}

func (l *load) expunge(w *wire, batch []*held) error {
	l.change(func() {
		for _, h := range batch {
			h.maybeFlags = canonicalFlags(h.flags + ` \Deleted`)
		}
	})
	if _, err := w.command(`UID STORE %s +FLAGS.SILENT (\Deleted)`, uidSet(batch)); err != nil {
		return err
	}
	l.change(func() {
		for _, h := range batch {
			h.flags, h.maybeFlags, h.maybeGone = h.maybeFlags, "", true
		}
	})
	if _, err := w.command("UID EXPUNGE %s", uidSet(batch)); err != nil {
		return err
	}
	l.change(func() {
		for _, h := range batch {
			delete(l.held[h.place], h.uid)
		}
	})
	return nil
}

// copied reads COPYUID (RFC 4315, section 3): the new UID of each message.
func copied(rs []response, batch []*held) (map[uint32]uint32, error) {
	for _, r := range rs {
		_, rest, ok := strings.Cut(r.text, "[COPYUID ")
		if !ok {
			continue
		}
		sets := strings.Fields(strings.SplitN(rest, "]", 2)[0])
		from, to := expand(sets[1]), expand(sets[2])
		if len(from) != len(batch) || len(to) != len(batch) {
			return nil, &refused{"COPY or MOVE of " + uidSet(batch), r.text}
		}
		uids := map[uint32]uint32{}
		for i := range from {
			uids[from[i]] = to[i]
		}
		return uids, nil
	}
	return nil, &refused{"COPY or MOVE of " + uidSet(batch), "no COPYUID"}
}

// expand lists a set of UIDs.
func expand(set string) (uids []uint32) {
	for part := range strings.SplitSeq(set, ",") {
		var first, last uint32
		if n, _ := fmt.Sscanf(part, "%d:%d", &first, &last); n < 2 {
			last = first
		}
		for uid := min(first, last); uid <= max(first, last); uid++ {
			uids = append(uids, uid)
		}
	}
	return uids
}

// deliveries is one connection of LMTP, which delivers each message to both accounts.
func (l *load) deliveries(t *testing.T) {
	random := rand.New(rand.NewPCG(uint64(l.counter.Add(1)), 99))
	conn, err := net.Dial("tcp", l.s.lmtp)
	if err != nil {
		l.ended(t, err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	c := textproto.NewConn(conn)
	_, _, err = c.ReadResponse(220)
	say := func(code int, format string, args ...any) {
		if err == nil {
			if err = c.PrintfLine(format, args...); err == nil {
				_, _, err = c.ReadResponse(code)
			}
		}
	}
	say(250, "LHLO load.example.org")
	for err == nil && !t.Failed() {
		text := l.message(random)
		say(250, "MAIL FROM:<load@example.org>")
		say(250, "RCPT TO:<%s>", anna)
		say(250, "RCPT TO:<%s>", bert)
		say(354, "DATA")
		if err != nil {
			break
		}
		err = l.deliver(c, text)
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
	}
	if err != nil {
		l.ended(t, err)
	}
}

// deliver sends a message whose delivery has been accepted and notes the answer for each recipient.
func (l *load) deliver(c *textproto.Conn, text string) error {
	to := []place{{anna, "INBOX"}, {bert, "INBOX"}}
	l.change(func() {
		for _, p := range to {
			l.expect(p, digest(text))
		}
	})
	d := c.DotWriter()
	d.Write([]byte(text))
	if err := d.Close(); err != nil {
		return err
	}
	for _, p := range to {
		if _, _, err := c.ReadResponse(250); err != nil {
			return err
		}
		l.change(func() {
			l.done++
			l.delivered[p] = append(l.delivered[p], digest(text))
		})
	}
	return nil
}
