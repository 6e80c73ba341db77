package storagetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// checkAll checks crash states of all moments, or of a sample of them.
func (r *exploration) checkAll() error {
	perPoint := r.PerPoint
	if perPoint == 0 {
		perPoint = 2
	}
	moments := r.moments
	if most := r.PerRun / perPoint; r.PerRun > 0 && len(moments) > most {
		r.rng.Shuffle(len(moments), func(i, j int) { moments[i], moments[j] = moments[j], moments[i] })
		moments = moments[:max(most, 1)]
	}
	for _, m := range moments {
		r.Counts.Moments++
		for d := range m.disk.CrashStates(r.rng, perPoint) {
			r.Counts.Cut++
			if err := r.check(m, trial{disk: d, how: []string{"a power cut"}, deep: r.rng.IntN(4) == 0}); err != nil {
				return err
			}
		}
		if r.rng.IntN(4) == 0 {
			r.Counts.Killed++
			if err := r.check(m, trial{disk: m.disk.Clone(), how: []string{"kill -9"}, deep: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// trial is a disk on which the unit is to be opened.
type trial struct {
	disk *Disk
	how  []string
	deep bool         // take crash states of the recovery, too, and work on afterwards
	seen *observation // what the unit has shown after an earlier recovery; nil if none got so far
	// stumble, if not nil, decides on faults of a first attempt to open the unit, which may fail.
	stumble func(Op) *Fault
}

// attempt opens the unit on a disk with faults and lets go of it.
func (r *exploration) attempt(t trial) {
	sound := r.Wrap
	defer func() { r.Wrap = sound }()
	r.Wrap = func(fsys vfs.FS) vfs.FS {
		fsys = Faults(fsys, t.stumble)
		if sound != nil {
			fsys = sound(fsys)
		}
		return fsys
	}
	if u, err := r.open(t.disk); err == nil {
		u.close()
	}
}

// check opens the unit on a crashed disk and compares it with what was promised at a moment.
func (r *exploration) check(m moment, t trial) error {
	if err := r.checkOnce(m, t); err != nil {
		if v, ok := err.(*Violation); ok && v.Origin == "" {
			v.Origin = t.disk.Origin()
			v.Since = t.disk.Log()
		}
		return err
	}
	return nil
}

func (r *exploration) checkOnce(m moment, t trial) error {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	if t.stumble != nil {
		r.attempt(t)
	}
	var during, after []*Disk
	var served atomic.Bool
	if t.deep {
		t.disk.OnOp(func(_ Op, d *Disk) {
			if served.Load() {
				after = append(after, d)
			} else {
				during = append(during, d)
			}
		})
	}
	u, err := r.open(t.disk)
	if err != nil {
		return r.violation(m, "the unit does not open: "+err.Error(), t.how...)
	}
	now, what := r.promised(ctx, u, m, t.seen)
	served.Store(true)
	if what == "" {
		what = r.verify(ctx, u)
	}
	t.disk.OnOp(nil)
	var later *exploration
	if what == "" && t.deep {
		later, what = r.workOn(ctx, u, now)
	}
	if err := u.close(); err != nil && what == "" {
		what = "closing: " + err.Error()
	}
	if what != "" {
		return r.violation(m, what, t.how...)
	}
	if later != nil {
		if err := r.checkLater(m, t, later); err != nil {
			return err
		}
	}
	if len(t.how) > 1 {
		return nil
	}
	if err := r.again(m, t, during, nil, "a power cut during recovery", &r.Counts.Recovery); err != nil {
		return err
	}
	return r.again(m, t, after, &now, "a power cut after recovery", &r.Counts.Served)
}

// again cuts the power at some of the disks that a recovery passed through.
func (r *exploration) again(m moment, t trial, disks []*Disk, seen *observation, how string, count *int) error {
	const most = 3
	for range min(len(disks), most) {
		for d := range disks[r.rng.IntN(len(disks))].CrashStates(r.rng, 1+r.rng.IntN(6)) {
			if r.rng.IntN(2) > 0 {
				continue
			}
			*count++
			if err := r.check(m, trial{disk: d, how: append(t.how[:1:1], how), seen: seen}); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// promised compares what the unit shows with what it may show.
func (r *exploration) promised(ctx context.Context, u *openUnit, m moment, seen *observation) (observation, string) {
	if err := u.Damage(); err != nil {
		return observation{}, "the unit opens read-only: " + err.Error()
	}
	now, err := observe(ctx, u.Unit, func(item) bool { return true })
	if err != nil {
		return now, "the unit cannot be read: " + err.Error()
	}
	if seen != nil {
		if d := seen.diff(now); d != "" {
			return now, "what was served after the first crash has changed\n" + d
		}
		return now, seen.recentLost(now)
	}
	for i, l := range r.lanes {
		mine := now.only(l.owns)
		before := l.snaps[m.at[i]]
		if before.equal(mine) {
			if what := before.recentLost(mine); what != "" {
				return now, what
			}
			continue
		}
		if m.at[i]+1 == len(l.snaps) {
			return now, "not what was acknowledged\n" + before.diff(mine)
		}
		after := l.snaps[m.at[i]+1]
		if r.anyID {
			after, mine = after.anonymous(before), mine.anonymous(before)
		}
		if !after.equal(mine) {
			return now, fmt.Sprintf("neither what was before the step under way\n%s\nnor what was after it\n%s", before.diff(mine), after.diff(mine))
		}
	}
	return now, ""
}

func (r *exploration) verify(ctx context.Context, u *openUnit) string {
	findings, err := u.Verify(ctx)
	if err != nil {
		return "Verify: " + err.Error()
	}
	var b strings.Builder
	for _, f := range findings {
		if f.Leftover && r.faulty {
			continue // a removal that a failed sync covered, and that a power cut undid later
		}
		fmt.Fprintf(&b, "\nVerify finds: %s", f)
	}
	known := map[string]bool{}
	for _, a := range u.Accounts() {
		known[a.ID.String()] = true
	}
	for _, name := range files(u.disk, "a") { // a/<hh>/<account>/…
		parts := strings.Split(name, "/")
		if !known[parts[2]] || strings.HasPrefix(strings.Join(parts[3:], "/"), "meta/spool/") {
			fmt.Fprintf(&b, "\nVerify has not found %s, which belongs to nothing", name)
		}
	}
	return b.String()
}

// wrongContent tells which message has not the bytes that were sent.
func wrongContent(o observation, sent map[storage.Digest][8]byte) string {
	for i, row := range o.items {
		if i.kind != itemMessage {
			continue
		}
		var digest, content []byte
		_, tail, _ := strings.Cut(row, " digest ")
		if _, err := fmt.Sscanf(tail, "%X content %x", &digest, &content); err != nil {
			return err.Error()
		}
		wire, ok := sent[storage.Digest(digest)]
		if !ok || string(wire[:]) != string(content) {
			return fmt.Sprintf("%s: nobody sent these bytes: %s", i, row)
		}
	}
	return ""
}

// afterCrash is work that any unit must take.
var afterCrash = Program{
	"append INBOX 40,900", "store INBOX last +\\Deleted,$After", "copy INBOX last Trash", "expunge INBOX last",
	"create New/Box", "move Trash last New/Box", "delete New/Box", "create New/Box", "checkpoint", "append New/Box 40",
}

// workOn lets a recovered unit take more, and returns what that was, for power cuts while it did.
func (r *exploration) workOn(ctx context.Context, u *openUnit, before observation) (later *exploration, what string) {
	l := &lane{session: newSession(u.Unit, "", r.lanes[0].serial), names: nameBook{}, snaps: []observation{before}}
	l.everything = true // also what others have left
	for _, other := range r.lanes {
		maps.Copy(l.sent, other.sent)
	}
	later = &exploration{Explorer: r.Explorer, programs: []Program{afterCrash}, lanes: []*lane{l}, unit: u, faulty: r.faulty}
	u.disk.OnOp(func(_ Op, after *Disk) { later.take(after) })
	err := later.runLane(ctx, l, afterCrash)
	u.disk.OnOp(nil)
	l.close()
	if v := (*Violation)(nil); errors.As(err, &v) {
		return nil, "after recovery, " + v.What
	}
	now := l.snaps[len(l.snaps)-1]
	for i, was := range before.items {
		if have := now.items[i]; have != was && i.kind != itemMailbox {
			return nil, fmt.Sprintf("more work has changed %s:\n    want %s\n    have %s", i, was, have)
		}
	}
	if what := r.verify(ctx, u); what != "" {
		return nil, "after more work: " + what
	}
	return later, ""
}

// checkLater cuts the power at some moments of the work after a recovery.
func (r *exploration) checkLater(m moment, t trial, later *exploration) error {
	for range 2 {
		at := later.moments[r.rng.IntN(len(later.moments))]
		for d := range at.disk.CrashStates(r.rng, 1+r.rng.IntN(4)) {
			if r.rng.IntN(2) > 0 {
				continue
			}
			r.Counts.Later++
			how := append(t.how[:len(t.how):len(t.how)], fmt.Sprintf("a power cut after %d of the steps %s", at.at[0], strings.Join(afterCrash, "; ")))
			if err := later.check(at, trial{disk: d, how: how}); err != nil {
				if v := (*Violation)(nil); errors.As(err, &v) {
					v.Programs, v.At = r.programs, m.at
				}
				return err
			}
			break
		}
	}
	return nil
}
