package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/mailhavn/mailhavn/storage/internal/trigram"
	"github.com/mailhavn/mailhavn/storage/message"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// textIndex tells in which messages of a mailbox a text can be, so that a search need not read all of them. It is a row of
// segments (package trigram), each for a range of UIDs, in the folder meta/<mailbox id>.texts. The names of the files are
//
//	<version of the texts>-<first UID>-<last UID>    in hexadecimal digits
//
// Files of other versions, of ranges that others contain, and damaged ones are removed. Messages that no segment has, as they
// came later or could not be read, are not indexed: who searches reads them. Nothing of it is synced, since all of it can be
// made again.
type textIndex struct {
	unit *Unit
	dir  string

	writing sync.Mutex // held while files are made or all are removed; guards gone
	gone    bool       // the mailbox is deleted

	mu       sync.Mutex // guards the following fields
	read     bool
	segments []*textSegment // by UID
}

// textSegment is an open file of a textIndex.
type textSegment struct {
	*trigram.Segment
	name   string
	uids   UIDRange
	size   int64
	file   vfs.File
	covers UIDSet // the messages that it has
}

// MayContain tells where a text can be: the messages of found, and those that are not among indexed. text is as
// [message.Matcher.Folded] returns it; it is looked for in the texts of [message.Summary.SearchTexts] that are of the classes, field
// values included. Sets may have UIDs of messages that are gone. Messages that are not indexed will be soon.
func (m *Mailbox) MayContain(ctx context.Context, text []byte, classes ...message.TextClass) (indexed, found UIDSet, err error) {
	v, err := m.View(ctx)
	if err != nil {
		return nil, nil, err
	}
	x := m.account.files.textIndex(m.id)
	indexed, found = x.search(text, classes)
	if x.behind(v) >= fewUnindexed {
		m.account.unit.indexer.request(m.account, m.id)
	}
	return indexed, found, nil
}

// textIndex returns the index of a mailbox.
func (w *fileWork) textIndex(box ID) *textIndex {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.texts[box]
	if x == nil {
		x = &textIndex{unit: w.account.unit, dir: w.account.textsFolder(box)}
		w.texts[box] = x
	}
	return x
}

func (x *textIndex) search(text []byte, classes []message.TextClass) (indexed, found UIDSet) {
	for _, s := range x.opened() {
		in, err := s.search(text, classes)
		if err != nil {
			x.drop(s, err)
			continue
		}
		indexed = append(indexed, s.covers...)
		found = append(found, in...)
	}
	return indexed, found
}

// search returns the messages of the segment that can have the text.
func (s *textSegment) search(text []byte, classes []message.TextClass) (found UIDSet, err error) {
	for _, class := range classes {
		numbers, err := s.Search(trigram.Class(class), text)
		if err != nil {
			return nil, err
		}
		var in UIDSet
		for _, n := range numbers {
			in = in.Append(UID(n))
		}
		found = found.Union(in)
	}
	return found, nil
}

// behind returns how many messages are above those that were indexed.
func (x *textIndex) behind(v *View) int {
	seq, _ := v.Seq(x.end() + 1)
	return v.Len() - seq + 1
}

// end returns the UID up to which messages were indexed.
func (x *textIndex) end() UID {
	if segments := x.opened(); len(segments) > 0 {
		return segments[len(segments)-1].uids.Last
	}
	return 0
}

// opened returns the segments. The slice is not to be modified.
func (x *textIndex) opened() []*textSegment {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.read {
		x.read = true
		if err := x.load(); err != nil {
			x.unit.logger.Warn("cannot read an index; searches read the messages", "folder", x.dir, "err", err)
		}
	}
	return x.segments
}

func (x *textIndex) load() error {
	entries, err := x.unit.fs.ReadDir(x.dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	var ranges []UIDRange
	for _, e := range entries {
		if r, ok := parseSegmentName(e.Name); ok {
			ranges = append(ranges, r)
		} else if err := x.unit.fs.Remove(x.dir + "/" + e.Name); err != nil {
			return err
		}
	}
	// Of ranges that begin together the longest comes first: what follows within it is what it was made of.
	slices.SortFunc(ranges, func(a, b UIDRange) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(b.Last, a.Last))
	})
	end := UID(0)
	for _, r := range ranges {
		if r.First != end+1 { // a part of the one before, or behind one that is missing
			if err := x.unit.fs.Remove(x.dir + "/" + segmentName(r)); err != nil {
				return err
			}
			continue
		}
		s, err := x.open(r)
		switch {
		case err == nil:
			x.segments = append(x.segments, s)
			end = r.Last
		case !errors.Is(err, trigram.ErrDamaged):
			return err
		default:
			if err := x.unit.fs.Remove(x.dir + "/" + segmentName(r)); err != nil {
				return err
			}
		}
	}
	return nil
}

func segmentName(r UIDRange) string {
	return fmt.Sprintf("%d-%08x-%08x", message.SearchTextsVersion, r.First, r.Last)
}

func parseSegmentName(name string) (r UIDRange, ok bool) {
	version := 0
	n, _ := fmt.Sscanf(name, "%d-%x-%x", &version, &r.First, &r.Last)
	return r, n == 3 && r.First <= r.Last && segmentName(r) == name
}

func (x *textIndex) open(r UIDRange) (*textSegment, error) {
	s := &textSegment{name: x.dir + "/" + segmentName(r), uids: r}
	var err error
	if s.file, err = x.unit.fs.Open(s.name); err != nil {
		return nil, err
	}
	if s.size, err = s.file.Size(); err == nil {
		s.Segment, err = trigram.Open(s.file, s.size)
	}
	if err != nil {
		s.file.Close()
		return nil, err
	}
	for _, n := range s.Docs() {
		if UID(n) < r.First || UID(n) > r.Last {
			s.file.Close()
			return nil, fmt.Errorf("%w: %s has message %d", trigram.ErrDamaged, s.name, n)
		}
		s.covers = s.covers.Append(UID(n))
	}
	return s, nil
}

// write makes a segment of a range, which replaces those within the range. ErrNoMailbox where the mailbox is deleted.
func (x *textIndex) write(r UIDRange, segment []byte) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	if x.gone {
		return ErrNoMailbox
	}
	fsys := x.unit.fs
	if err := fsys.Mkdir(x.dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	name := x.dir + "/" + segmentName(r)
	tmp := name + ".tmp"
	if err := fsys.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(fsys, tmp, segment); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := fsys.Rename(tmp, name); err != nil {
		return err
	}
	s, err := x.open(r)
	if err != nil {
		return err
	}
	kept := make([]*textSegment, 0, len(x.segments)+1)
	for _, old := range x.segments {
		if old.uids.First < r.First {
			kept = append(kept, old)
			continue
		}
		old.file.Close()
		if old.name != name {
			err = errors.Join(err, fsys.Remove(old.name))
		}
	}
	x.segments = append(kept, s)
	return err
}

// drop removes a segment that cannot be read. Where it was only replaced while it was read, there is nothing to remove.
func (x *textIndex) drop(s *textSegment, cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := slices.Index(x.segments, s)
	if i < 0 {
		return
	}
	x.unit.logger.Warn("an index is damaged and will be made again", "file", s.name, "err", cause)
	for _, gone := range x.segments[i:] { // those behind it too: what is indexed is one range
		gone.file.Close()
		if err := x.unit.fs.Remove(gone.name); err != nil {
			x.unit.logger.Warn("cannot remove a damaged index", "file", gone.name, "err", err)
		}
	}
	x.segments = slices.Clone(x.segments[:i])
}

// remove removes the index of a mailbox that is deleted.
func (x *textIndex) remove() error {
	x.writing.Lock()
	defer x.writing.Unlock()
	x.gone = true
	x.closeFiles()
	return removeTree(x.unit.fs, x.dir)
}

// closeFiles gives the files back; the index may be used again.
func (x *textIndex) closeFiles() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.segments {
		s.file.Close()
	}
	x.read, x.segments = false, nil
}
