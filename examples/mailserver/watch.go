package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
)

type traceCommand struct{ nameArgument }

// Run shows what is said until it is interrupted.
func (x *traceCommand) Run(c *console) error {
	fmt.Fprintf(c.err, "IMAP sessions of %s that begin from now on, without contents of messages; Ctrl-C ends it\n", x.Name)
	return ask(c, x.Data, request{Command: "trace", Name: x.Name})
}

func (a *admin) trace(ctx context.Context, r request, out func(string)) error {
	if a.watches == nil {
		return errors.New("no server runs on this data folder, so there is nothing to see")
	}
	if found, err := a.hasAccount(ctx, r.Name); err != nil || !found {
		return errors.Join(err, fmt.Errorf("there is no account %s", r.Name))
	}
	w := a.watches.add(r.Name)
	defer a.watches.remove(r.Name, w)
	for {
		select {
		case line := <-w.lines:
			out(line)
		case <-ctx.Done():
			return nil
		}
	}
}

// watches are the people who look at sessions now. The zero value has none.
type watches struct {
	mu     sync.Mutex // guards the following field
	byUser map[string][]*watch
}

// watch is one of them.
type watch struct {
	lines chan string
	mu    sync.Mutex // guards the following field
	lost  int        // lines for which there was no room
}

// watchRoom is how many lines wait for a slow terminal. Sessions never wait.
const watchRoom = 1000

func (w *watches) add(user string) *watch {
	one := &watch{lines: make(chan string, watchRoom)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byUser == nil {
		w.byUser = map[string][]*watch{}
	}
	w.byUser[user] = append(w.byUser[user], one)
	return one
}

func (w *watches) remove(user string, one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := slices.DeleteFunc(w.byUser[user], func(x *watch) bool { return x == one })
	if w.byUser[user] = left; len(left) == 0 {
		delete(w.byUser, user)
	}
}

// logger is the server's imapserver.Server.Trace.
func (w *watches) logger(user string) *slog.Logger {
	w.mu.Lock()
	defer w.mu.Unlock()
	var handlers []slog.Handler
	for _, one := range w.byUser[user] {
		handlers = append(handlers, slog.NewTextHandler(one, &slog.HandlerOptions{ReplaceAttr: brief}))
	}
	if handlers == nil {
		return nil
	}
	return slog.New(slog.NewMultiHandler(handlers...))
}

// brief leaves out what is the same in every line.
func brief(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.LevelKey, slog.MessageKey, "user":
		return slog.Attr{}
	}
	return a
}

// Write takes one line of the log.
func (w *watch) Write(p []byte) (int, error) {
	line := string(p[:len(p)-1])
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost > 0 {
		line = fmt.Sprintf("(%d lines are missing here)\n%s", w.lost, line)
	}
	select {
	case w.lines <- line:
		w.lost = 0
	default:
		w.lost++
	}
	return len(p), nil
}
