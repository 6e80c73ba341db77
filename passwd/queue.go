package passwd

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// queue hands out the slots in which hashes are computed. There are two lines before it: one for those who come from a network from which
// their users have logged in before, and one for all others, who may be a flood. Of four slots that come free the first line gets three,
// if it wants them.
type queue struct {
	mu        sync.Mutex // guards the following fields
	free      int        // slots; while there are any, nobody waits
	room      int        // in each line
	known     []chan struct{}
	strangers []chan struct{}
	turns     int
}

// strangersTurn is which slot of how many goes to the other line first.
const strangersTurn = 4

// enter waits for a slot, at its end of the line. The error is ErrBusy.
func (q *queue) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	line := &q.strangers
	if isKnown(ctx) {
		line = &q.known
	}
	q.mu.Lock()
	if q.free > 0 {
		q.free--
		q.mu.Unlock()
		return nil
	}
	if len(*line) >= q.room {
		q.mu.Unlock()
		return fmt.Errorf("%w: %d others wait to have a password checked", ErrBusy, q.room)
	}
	turn := make(chan struct{})
	*line = append(*line, turn)
	q.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(*line, turn); i >= 0 {
		*line = slices.Delete(*line, i, i+1)
	} else { // it was our turn at the same moment
		q.next()
	}
	return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
}

// leave gives a slot back.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next()
}

// next gives a slot to somebody who waits. q.mu is held.
func (q *queue) next() {
	first, second := &q.known, &q.strangers
	if q.turns++; q.turns%strangersTurn == 0 {
		first, second = second, first
	}
	for _, line := range []*[]chan struct{}{first, second} {
		if len(*line) > 0 {
			close((*line)[0])
			*line = slices.Delete(*line, 0, 1)
			return
		}
	}
	q.free++
}

// knownKey is the key of a context whose login comes from where its user has logged in before.
type knownKey struct{}

func asKnown(ctx context.Context) context.Context { return context.WithValue(ctx, knownKey{}, true) }

func isKnown(ctx context.Context) bool { return ctx.Value(knownKey{}) != nil }
