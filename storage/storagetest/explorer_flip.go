package storagetest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync/atomic"

	"github.com/mailhavn/mailhavn/storage"
)

// Flips is what became of inverted bits, by kind of file.
type Flips map[string]*FlipCounts

// FlipCounts counts the outcomes of inverted bits.
type FlipCounts struct {
	Harmless int // everything is there, nothing is reported
	Healed   int // everything is there, and the damage was reported
	Reported int // something is missing or different, and the damage was reported
}

// Flip runs a program and inverts bits, one at a time: perFile of them in each file of the unit as an orderly end and as kill -9
// leave it. Damage must be told of, by an error or by Verify, and must not reach beyond the message, the mailbox or the account
// whose file it is. The newest group of an uncleanly closed log is the exception: nobody can tell it from one that was
// being written.
func (e *Explorer) Flip(p Program, perFile int) (Flips, error) {
	if err := e.prepare(); err != nil {
		return nil, err
	}
	f := &flipper{exploration: &exploration{Explorer: e, programs: []Program{p}}, counts: Flips{}}
	if err := f.execute(); err != nil {
		return nil, err
	}
	l := f.lanes[0]
	f.want = l.snaps[len(l.snaps)-1]
	// Of the last moments, one is right after the last answer; then the unit was closed.
	killed := f.moments[0].disk
	for _, m := range f.moments {
		if m.at[0] == len(p) {
			killed = m.disk
			break
		}
	}
	for _, d := range []*Disk{f.unit.disk, killed} {
		f.torn = d == killed
		for _, name := range files(d, "") {
			for range perFile {
				if err := f.flip(d, name); err != nil {
					return f.counts, err
				}
			}
		}
	}
	return f.counts, nil
}

type flipper struct {
	*exploration
	want   observation
	torn   bool // the log was not closed: its newest group may go
	counts Flips
}

// files lists all files below a folder.
func files(d *Disk, folder string) []string {
	var list []string
	entries, err := d.ReadDir(folder)
	if err != nil {
		panic(err) // a Disk without faults
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name)
		if e.Dir {
			list = append(list, files(d, name)...)
		} else {
			list = append(list, name)
		}
	}
	return list
}

// fileKind names the kind of a file.
func fileKind(name string) string {
	base := path.Base(name)
	switch {
	case strings.HasPrefix(base, "free-"):
		return "free segment"
	case path.Base(path.Dir(name)) == "cur":
		return "message"
	case path.Ext(base) != "":
		return path.Ext(base)
	}
	return base
}

// invert makes a copy of the disk with one bit of the file inverted.
func (f *flipper) invert(d *Disk, name string) (*Disk, string, error) {
	d = d.Clone()
	file, err := d.OpenRW(name)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil || size == 0 {
		return nil, "", err
	}
	off := f.rng.Int64N(size)
	if zeroed := fileKind(name) == ".wal" || fileKind(name) == "free segment"; zeroed && f.rng.IntN(4) > 0 {
		off = f.rng.Int64N(min(size, 8192)) // most of the rest are zeros
	}
	b := make([]byte, 1)
	if _, err := file.ReadAt(b, off); err != nil {
		return nil, "", err
	}
	bit := f.rng.IntN(8)
	b[0] ^= 1 << bit
	_, err = file.WriteAt(b, off)
	return d, fmt.Sprintf("bit %d of byte %d of %s", bit, off, name), err
}

func (f *flipper) flip(d *Disk, name string) error {
	d, how, err := f.invert(d, name)
	if err != nil || d == nil {
		return err
	}
	before := d.Ops()
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	counts := f.counts[fileKind(name)]
	if counts == nil {
		counts = &FlipCounts{}
		f.counts[fileKind(name)] = counts
	}
	bad := func(what string) error {
		v := f.violation(moment{at: []int{len(f.programs[0])}}, what, "kill -9 or an orderly end", "a flip of "+how)
		v.Since = d.Log()
		return v
	}
	u, err := f.open(d)
	if err != nil {
		if !strings.Contains(err.Error(), name) && !errors.Is(err, storage.ErrNewerFormat) {
			return bad("the unit does not open and the error does not name the file: " + err.Error())
		}
		counts.Reported++
		return nil
	}
	readOnly := u.Damage() != nil
	what := f.judgeFlip(ctx, u, name, counts)
	u.close() // may fail on what is damaged
	for _, op := range d.Log()[before:] {
		if readOnly && op.Name != ".unit/lock" && what == "" {
			what = "a damaged unit was changed: " + op.String()
		}
	}
	if what != "" {
		return bad(what)
	}
	return nil
}

// judgeFlip looks at an open unit, one of whose files has an inverted bit.
func (f *flipper) judgeFlip(ctx context.Context, u *openUnit, name string, counts *FlipCounts) string {
	var told []string
	if err := u.Damage(); err != nil {
		told = append(told, err.Error())
		if !strings.Contains(err.Error(), name) && fileKind(name) != "manifest" {
			return "the damage is said to be elsewhere: " + err.Error()
		}
	}
	now, err := observe(ctx, u.Unit, func(item) bool { return true })
	if err != nil {
		told = append(told, err.Error())
		if !strings.Contains(err.Error(), name) && fileKind(name) != "message" { // whose mailbox and UID it names
			return "the error does not name the file: " + err.Error()
		}
	}
	findings, err := u.Verify(ctx)
	if err != nil {
		told = append(told, err.Error())
	}
	for _, finding := range findings {
		told = append(told, finding.String())
	}
	difference := f.want.diff(now)
	if l := f.lanes[0]; f.torn && len(told) == 0 && fileKind(name) == ".wal" && l.snaps[len(l.snaps)-2].equal(now) {
		difference = ""
	}
	switch {
	case difference == "" && len(told) == 0:
		counts.Harmless++
	case difference == "":
		counts.Healed++
	case len(told) == 0:
		return "damage that nobody tells of\n" + difference
	default:
		counts.Reported++
		return f.reach(ctx, u, name, now)
	}
	return ""
}

// reach tells what damage has hit that is not in the file, and whether other accounts still work.
func (f *flipper) reach(ctx context.Context, u *openUnit, name string, now observation) string {
	if !strings.HasPrefix(name, "a/") {
		return "" // the whole unit depends on it
	}
	id := strings.Split(name, "/")[2]
	hit := map[string]bool{} // mailboxes, or the contents of messages: copies are links
	for i, was := range f.want.items {
		if now.items[i] == was {
			continue
		}
		if account := f.want.items[item{account: i.account, kind: itemAccount}]; !strings.Contains(account, id) {
			return fmt.Sprintf("damage in account %s has changed %s", id, i)
		}
		_, content, _ := strings.Cut(was, "digest ")
		switch {
		case fileKind(name) == "message":
			hit[content] = true
		case i.name != "" && i.kind != itemSubscription:
			hit[i.name] = true
		}
	}
	if len(hit) > 1 && path.Base(name) != "account.ck" && !f.torn { // an account that cannot be recovered is kept apart whole
		return fmt.Sprintf("damage in one file has reached %v", hit)
	}
	s := newSession(u.Unit, "", &atomic.Int64{})
	defer s.close()
	for i := range f.want.items {
		if i.kind != itemAccount || strings.Contains(f.want.items[i], id) {
			continue
		}
		if err := s.run(ctx, "append "+i.account+":INBOX 40"); err != nil {
			return "another account takes no mail any more: " + err.Error()
		}
	}
	return ""
}
