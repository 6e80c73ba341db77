//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// mbsyncBoxes are the mailboxes of the test. mbsync does not translate names, so the last is in modified UTF-7 on both sides.
var mbsyncBoxes = []string{"INBOX", "Work", "Work/Deep", "Gr&APwA3w-e"}

// mbsyncConfig is two maildirs, one and two, that mirror one account.
func mbsyncConfig(s *server) string {
	host, port, _ := strings.Cut(s.imaps, ":")
	text := fmt.Sprintf("IMAPAccount anna\nHost %s\nPort %s\nUser %s\nPass \"%s\"\nSSLType IMAPS\nCertificateFile %s\n\n"+
		"IMAPStore far\nAccount anna\n", host, port, anna, password, s.certificate())
	for _, side := range []string{"one", "two"} {
		text += fmt.Sprintf("\nMaildirStore %[1]s\nPath %[2]s/%[1]s/\nInbox %[2]s/%[1]s/INBOX\nSubFolders Verbatim\n\n"+
			"Channel %[1]s\nFar :far:\nNear :%[1]s:\nPatterns *\nCreate Both\nExpunge Both\nCopyArrivalDate yes\nSyncState *\n", side, s.dir)
	}
	return s.file("mbsyncrc", text)
}

// mbsync synchronizes a side; it must say nothing of errors.
func mbsync(s *server, side string, allowed ...*regexp.Regexp) {
	s.t.Helper()
	// mbsync waits a second for each folder that has changed just now.
	past := time.Now().Add(-time.Hour)
	filepath.WalkDir(filepath.Join(s.dir, side), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chtimes(path, past, past)
		}
		return err
	})
	r := run(s.t, command("mbsync", "-c", mbsyncConfig(s), side))
	said := r.stdout + r.stderr
	for _, warning := range allowed {
		said = warning.ReplaceAllString(said, "")
	}
	if said = strings.ToLower(said); strings.Contains(said, "error") || strings.Contains(said, "warning") {
		s.t.Errorf("mbsync %s: %v", side, r)
	}
}

// lostTrack is what mbsync says after a sync that was cut off before the server had taken what was sent, which it sends again.
var lostTrack = regexp.MustCompile(`(?m)^Warning: lost track of \d+ pushed message\(s\)$`)

// mbsyncTest is the state of a run: what each mailbox must come to hold.
type mbsyncTest struct {
	*server
	want     map[string]mailState
	validity map[string]uint32
	fresh    []sample // not yet anywhere
	added    int
}

func (x *mbsyncTest) side(side, box string) maildir {
	return newMaildir(x.t, filepath.Join(x.dir, side, filepath.FromSlash(box)))
}

// add puts new messages into the mailboxes of a side.
func (x *mbsyncTest) add(side string, n int) {
	for range n {
		if len(x.fresh) == 0 {
			x.t.Fatal("no more messages")
		}
		m := x.fresh[0]
		x.fresh = x.fresh[1:]
		box := mbsyncBoxes[x.added%len(mbsyncBoxes)]
		flags := []string{"", "S", "FS", "R", "D", "DFRS"}[x.added%6]
		x.added++
		x.side(side, box).add(fmt.Sprintf("17640000%02d.%d.client", x.added, x.added), m.text, flags)
		x.want[box][essence(m.text)] = flags
	}
}

// change changes flags and deletes on both sides at once. Every message is in one of six cases by its content and the round.
func (x *mbsyncTest) change(round int) {
	for _, box := range mbsyncBoxes {
		for i, side := range []string{"one", "two"} {
			dir := x.side(side, box)
			for _, m := range dir.list() {
				key := essence(m.text)
				switch role := (int(key[0]) + int(key[1])*3 + round*5) % 12; {
				case role == i: // deleted on this side
					dir.setFlags(m, m.flags+"T")
					delete(x.want[box], key)
				case role == 2+i: // flags taken away on this side
					dir.setFlags(m, "")
					x.want[box][key] = ""
				case role == 4: // another flag on each side
					dir.setFlags(m, m.flags+[]string{"F", "R"}[i])
					x.want[box][key] = union(x.want[box][key], []string{"F", "R"}[i])
				case role == 5 && side == "one": // deleted here, flagged there
					dir.setFlags(m, m.flags+"T")
					delete(x.want[box], key)
				case role == 5:
					dir.setFlags(m, union(m.flags, "F"))
				case role == 6+i:
					dir.setFlags(m, union(m.flags, "S"))
					x.want[box][key] = union(x.want[box][key], "S")
				}
			}
		}
	}
}

func union(a, b string) string {
	letters := []byte(a + b)
	slices.Sort(letters)
	return string(slices.Compact(letters))
}

// settle synchronizes until nothing should change any more, and compares everything.
func (x *mbsyncTest) settle(what string, between func(), allowed ...*regexp.Regexp) {
	x.t.Helper()
	for range 2 {
		mbsync(x.server, "one", allowed...)
		between()
		mbsync(x.server, "two", allowed...)
	}
	for _, box := range mbsyncBoxes {
		far, validity := x.state(anna, box)
		compareStates(x.t, what+": server, "+box, far, x.want[box])
		compareStates(x.t, what+": one, "+box, x.side("one", box).state(), x.want[box])
		compareStates(x.t, what+": two, "+box, x.side("two", box).state(), x.want[box])
		if known := x.validity[box]; known != 0 && known != validity {
			x.t.Errorf("%s: UIDVALIDITY of %s was %d and is %d", what, box, known, validity)
		}
		x.validity[box] = validity
	}
}

// TestMbsync keeps two maildirs and the server the same, whatever is changed on which side, and through kill -9.
func TestMbsync(t *testing.T) {
	x := &mbsyncTest{server: newServer(t), want: map[string]mailState{}, validity: map[string]uint32{}}
	for _, box := range mbsyncBoxes {
		x.want[box] = mailState{}
	}
	seen := map[string]bool{}
	for _, m := range ordinary(t) {
		if key := essence(m.text); !seen[key] {
			seen[key] = true
			x.fresh = append(x.fresh, m)
		}
	}
	nothing := func() {}
	newMaildir(t, filepath.Join(x.dir, "two", "INBOX")) // mbsync makes the others
	x.add("one", 60)
	x.settle("first", nothing)
	before := maps.Clone(x.validity)

	x.change(0)
	x.add("two", 10)
	x.settle("changes on both sides", nothing)

	x.change(1)
	x.add("one", 10)
	x.settle("kill -9 between syncs", x.restart)

	cut := 0
	for i, delay := range []time.Duration{5, 50, 20} {
		x.change(2 + i)
		x.add("one", 8)
		if x.killDuringSync([]string{"one", "two", "one"}[i], delay*time.Millisecond) {
			cut++
		}
		x.settle(fmt.Sprintf("kill -9 after %d ms of a sync", delay), nothing, lostTrack)
	}
	if cut == 0 {
		t.Error("each sync was quicker than the kill")
	}
	if !maps.Equal(before, x.validity) {
		t.Errorf("UIDVALIDITY was %v, is %v", before, x.validity)
	}
}

// killDuringSync kills the server some time after mbsync has logged in, and tells if that cut off the sync.
func (x *mbsyncTest) killDuringSync(side string, delay time.Duration) (cut bool) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	logins := x.log.count("logged in")
	cmd := exec.CommandContext(ctx, "mbsync", "-c", mbsyncConfig(x.server), side)
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	for ctx.Err() == nil && x.log.count("logged in") == logins {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(delay)
	x.kill()
	err := cmd.Wait()
	if ctx.Err() != nil {
		x.t.Errorf("mbsync hangs when the server is gone")
	}
	x.start()
	return err != nil
}
