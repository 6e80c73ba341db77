package drill

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"
)

// Phase is a kind of step. The values stand in logs and do not change.
type Phase string

// The phases, in their order.
const (
	Issue     Phase = "issue"     // a certificate with a new key
	Install   Phase = "install"   // it is served
	Tickets   Phase = "tickets"   // their keys are forgotten
	Passwords Phase = "passwords" // must be changed; app passwords and web sessions end
	Sessions  Phase = "sessions"  // are closed
	Revoke    Phase = "revoke"    // the old certificate
	Check     Phase = "check"     // no old key is served
)

// phases is the order of the drill. A step waits for the steps of the phases in after: for all of them, or, if both phases have a step for each
// certificate and same is set, for that of its own certificate.
var phases = []struct {
	phase Phase
	each  bool // has a step for each certificate
	after []Phase
	same  bool
	do    func(*run, context.Context, *certificate) (note string, err error)
}{
	{phase: Issue, each: true, do: (*run).issue},
	{phase: Install, each: true, after: []Phase{Issue}, same: true, do: (*run).install},
	{phase: Tickets, after: []Phase{Install}, do: (*run).tickets},
	{phase: Passwords, after: []Phase{Install, Tickets}, do: (*run).passwords},
	{phase: Sessions, after: []Phase{Passwords, Tickets}, do: (*run).sessions},
	{phase: Revoke, each: true, after: []Phase{Install}, same: true, do: (*run).revoke},
	{phase: Check, after: []Phase{Install}, do: (*run).check},
}

// describe says what the phases do.
var describe = map[Phase]string{
	Issue:     "new key and certificate",
	Install:   "install",
	Tickets:   "drop all session ticket keys",
	Passwords: "require new passwords; end app passwords and web sessions",
	Sessions:  "close sessions",
	Revoke:    "revoke the old certificate",
	Check:     "check that no old key is served",
}

// batch is how many users are marked between two lines of the log.
const batch = 1000

// run is a drill at work.
type run struct {
	drill *Drill

	mu    sync.Mutex // guards the following
	state *state
	log   *logFile
}

// all does what is left, phase by phase.
func (r *run) all(ctx context.Context) error {
	var failures []error
	for i := range phases {
		p := &phases[i]
		var todo []*certificate
		for _, c := range r.state.items(p.phase, p.each) {
			if r.state.done[stepID(p.phase, c)].IsZero() && r.state.ready(i, c) {
				todo = append(todo, c)
			}
		}
		failed, err := r.each(ctx, p.phase, todo, p.do)
		if err != nil {
			return err
		}
		failures = append(failures, failed...)
		if p.phase == Install {
			if err := r.sweep(); err != nil {
				return err
			}
		}
	}
	if left := r.state.left(); left > 0 {
		return fmt.Errorf("drill: %d steps are left: %w: %w", left, ErrIncomplete, errors.Join(failures...))
	}
	if r.state.finished.IsZero() {
		return r.write(record{Phase: finish})
	}
	return nil
}

// each does the steps of one phase, some at the same time. Failures of steps are logged and returned; err is what makes going on impossible.
func (r *run) each(ctx context.Context, phase Phase, todo []*certificate, do func(*run, context.Context, *certificate) (string, error)) (failed []error, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan *certificate)
	var failures []error
	var wait sync.WaitGroup
	for range min(r.drill.Parallel, len(todo)) {
		wait.Go(func() {
			for c := range next {
				failure, err := r.step(ctx, phase, c, do)
				if err != nil {
					cancel(err)
					continue
				}
				if failure != nil {
					r.mu.Lock()
					failures = append(failures, failure)
					r.mu.Unlock()
				}
			}
		})
	}
feed:
	for _, c := range todo {
		select {
		case next <- c:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wait.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("drill: interrupted, run it again to go on: %w", context.Cause(ctx))
	}
	return failures, nil
}

// step does one step and logs how it went.
func (r *run) step(ctx context.Context, phase Phase, c *certificate, do func(*run, context.Context, *certificate) (string, error)) (failure, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	note, failure := do(r, ctx, c)
	if errors.Is(failure, errLog) {
		return nil, failure
	}
	if failure != nil && ctx.Err() != nil { // the step was given up, it did not fail
		return nil, ctx.Err()
	}
	item := itemOf(c)
	if failure == nil {
		r.drill.Logger.Info("drill: done", "step", phase, "item", item, "note", note)
		return nil, r.write(record{Phase: phase, Item: item, Note: note, Done: true})
	}
	r.drill.Logger.Error("drill: failed", "step", phase, "item", item, "error", failure)
	return fmt.Errorf("%s: %w", strings.TrimSpace(stepID(phase, c)), failure), r.write(record{Phase: phase, Item: item, Failed: failure.Error()})
}

// write logs a record and takes it into the state.
func (r *run) write(x record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	x.Time = r.drill.now().UTC()
	if err := r.log.append(x); err != nil {
		return err
	}
	return r.state.apply(x)
}

func (r *run) issue(ctx context.Context, c *certificate) (string, error) {
	d := r.drill
	p, err := readPending(d.Dir, c.number)
	if err != nil {
		return "", err
	}
	if p == nil { // the key is on disk before anybody hears of it
		if p, err = newPending(c.leaf); err != nil {
			return "", err
		}
		if err := p.write(d.disk, d.Dir, c.number); err != nil {
			return "", err
		}
	}
	if p.chain == nil {
		if p.chain, err = d.Issuer.Issue(ctx, c.leaf, p.key); err != nil {
			return "", err
		}
		if err := p.check(c.leaf, d.now()); err != nil {
			return "", fmt.Errorf("the issuer's certificate is not good: %w", err)
		}
		if err := p.write(d.disk, d.Dir, c.number); err != nil {
			return "", err
		}
	}
	leaf, err := p.leaf()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("serial %x, until %s", leaf.SerialNumber, leaf.NotAfter.Format(time.RFC3339)), nil
}

func (r *run) install(ctx context.Context, c *certificate) (string, error) {
	d := r.drill
	p, err := readPending(d.Dir, c.number)
	if err != nil {
		return "", err
	}
	if p == nil || p.chain == nil {
		return "", fmt.Errorf("the new key and certificate, %s, are lost; begin a drill in another folder", pendingPath(d.Dir, c.number))
	}
	leaf, err := p.leaf()
	if err != nil {
		return "", err
	}
	return "", d.Installer.Install(ctx, c.Name, tls.Certificate{Certificate: p.chain, PrivateKey: p.key, Leaf: leaf})
}

// sweep removes the new keys that are installed: they lie with their services now.
func (r *run) sweep() error {
	for _, c := range r.state.certs {
		if r.state.done[stepID(Install, c)].IsZero() {
			continue
		}
		if err := r.drill.disk.Remove(pendingPath(r.drill.Dir, c.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("drill: %w", err)
		}
	}
	return nil
}

func (r *run) tickets(ctx context.Context, _ *certificate) (string, error) {
	return "", r.drill.Tickets.DropTickets(ctx)
}

// passwords marks users in batches; the log has the last name of each.
func (r *run) passwords(ctx context.Context, _ *certificate) (string, error) {
	since := r.state.installed()
	for {
		names, err := r.drill.Accounts.Next(ctx, r.state.cursor, batch)
		if err != nil {
			return "", err
		}
		if len(names) == 0 {
			return fmt.Sprintf("%d users; what is newer than %s stays", r.state.marked, since.Format(time.RFC3339)), nil
		}
		if last := names[len(names)-1]; last == r.state.cursor {
			return "", fmt.Errorf("the list of users does not end: %q comes after itself", last)
		}
		if err := r.drill.Accounts.RequireChange(ctx, names, since); err != nil {
			return "", err
		}
		if err := r.write(record{Phase: Passwords, Cursor: names[len(names)-1], Count: len(names)}); err != nil {
			return "", err
		}
	}
}

func (r *run) sessions(ctx context.Context, _ *certificate) (string, error) {
	n, err := r.drill.Sessions.CloseSessions(ctx, r.drill.now())
	return fmt.Sprintf("%d closed", n), err
}

func (r *run) revoke(ctx context.Context, c *certificate) (string, error) {
	if c.leaf.NotAfter.Before(r.drill.now()) {
		return "not needed, it has expired", nil
	}
	err := r.drill.Issuer.Revoke(ctx, c.leaf)
	if errors.Is(err, errors.ErrUnsupported) {
		return "not possible: " + err.Error(), nil
	}
	return "", err
}

// check asks what is served now.
func (r *run) check(ctx context.Context, _ *certificate) (string, error) {
	served, err := r.drill.Installer.Certificates(ctx)
	if err != nil {
		return "", err
	}
	for _, s := range served {
		if slices.ContainsFunc(r.state.certs, func(c *certificate) bool { return sameKey(c.leaf, s.Leaf) }) {
			return "", fmt.Errorf("%s is still served with an old key; give it a new one", s.Name)
		}
	}
	return fmt.Sprintf("%d certificates", len(served)), nil
}
