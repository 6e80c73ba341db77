package storage

import "sync"

// watchers are the channels that want to know of changes.
type watchers struct {
	mu    sync.Mutex // guards the following fields
	byBox map[ID]map[*watcher]struct{}
}

type watcher struct{ wake chan<- struct{} }

// add registers a channel for a mailbox, or with a zero id for the whole account.
func (w *watchers) add(box ID, wake chan<- struct{}) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := &watcher{wake}
	if w.byBox == nil {
		w.byBox = map[ID]map[*watcher]struct{}{}
	}
	if w.byBox[box] == nil {
		w.byBox[box] = map[*watcher]struct{}{}
	}
	w.byBox[box][x] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.byBox[box], x)
		if len(w.byBox[box]) == 0 {
			delete(w.byBox, box)
		}
	}
}

// wake tells those who watch the account, the mailboxes whose views are fresh, and the mailboxes that are gone.
func (w *watchers) wake(before, after *accountState, fresh []*View) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.byBox) == 0 {
		return
	}
	w.send(ID{})
	for _, v := range fresh {
		w.send(v.id)
	}
	if len(after.boxes) < len(before.boxes) {
		for _, b := range before.boxes {
			if _, ok := after.box(b.view.id); !ok {
				w.send(b.view.id)
			}
		}
	}
}

// all tells everyone.
func (w *watchers) all() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for box := range w.byBox {
		w.send(box)
	}
}

func (w *watchers) send(box ID) {
	for x := range w.byBox[box] {
		select {
		case x.wake <- struct{}{}:
		default:
		}
	}
}
