package wal

import (
	"fmt"
	"path"
	"slices"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// Group is one commit group as found at opening.
type Group struct {
	Number  uint64
	Payload []byte
	Segment uint64 // sequence number
	File    string // for messages: where it lies
	Offset  int64
}

// Damage says where bytes are not what was written.
type Damage struct {
	File   string
	Offset int64
	What   string
}

func (d *Damage) Error() string {
	return fmt.Sprintf("%s: damaged at byte %d: %s", d.File, d.Offset, d.What)
}

// Contents is what the log held when it was opened.
type Contents struct {
	// Groups are the whole groups in order. Where segments before the last ones are missing (recycled, but one
	// older survived a power cut), only the unbroken end is here; Broken tells.
	Groups []Group
	// Broken, if not nil, is where the row of groups is broken. The reader decides by what the remaining groups
	// contain whether anything that matters is missing.
	Broken *Damage
	// Damage, if not nil, was found in the last segment: a whole group follows an invalid one.
	Damage *Damage
}

// read reads all segments.
func (l *Log) read() (Contents, error) {
	var c Contents
	entries, err := l.fs.ReadDir(l.dir)
	if err != nil {
		return c, err
	}
	var seqs []uint64
	for _, e := range entries {
		if seq, ok := parseName(e.Name); ok {
			seqs = append(seqs, seq)
		} else if n, ok := parseFree(e.Name); ok {
			l.free = append(l.free, e.Name)
			l.nextFree = max(l.nextFree, n+1)
		}
	}
	slices.Sort(seqs)
	for i, seq := range seqs {
		if err := l.readSegment(&c, seq, i == len(seqs)-1); err != nil {
			return c, err
		}
		l.old = append(l.old, segmentName(seq))
		l.seq = seq
	}
	return c, nil
}

func (l *Log) readSegment(c *Contents, seq uint64, last bool) error {
	s := segment{name: path.Join(l.dir, segmentName(seq))}
	data, err := vfs.ReadFile(l.fs, s.name)
	if err != nil {
		return err
	}
	if len(data) < firstGroup {
		err = fmt.Errorf("only %d bytes long", len(data))
	} else {
		err = s.parseHeader(data[:2*headerSize], l.unit, seq)
	}
	if err != nil {
		damage := &Damage{File: s.name, What: err.Error()}
		if last {
			c.Damage = damage
			return nil
		}
		c.Broken, c.Groups, l.group = damage, nil, 0
		return nil
	}
	if l.group != 0 && s.first != l.group {
		c.Broken = &Damage{File: s.name, Offset: firstGroup,
			What: fmt.Sprintf("group %d expected, the segment begins with %d", l.group, s.first)}
		c.Groups = nil
	}
	l.group = s.first
	at := int64(firstGroup)
	for at < int64(len(data)) {
		number, payload, ok := openGroup(data[at:], s.salt)
		if !ok || number != l.group {
			break
		}
		c.Groups = append(c.Groups, Group{number, payload, seq, s.name, at})
		at = alignUp(at + groupHeader + int64(len(payload)))
		l.group++
	}
	if last {
		c.Damage = findLater(data, at, &s, l.group)
	}
	return nil
}

// findLater looks for a whole group behind the invalid one at offset at, which would have had the given number.
func findLater(data []byte, at int64, s *segment, number uint64) *Damage {
	for off := at + align; off < int64(len(data)); off += align {
		n, _, ok := openGroup(data[off:], s.salt)
		if ok && n > number {
			return &Damage{File: s.name, Offset: at,
				What: fmt.Sprintf("group %d is not what was written, but group %d at byte %d is whole", number, n, off)}
		}
	}
	return nil
}
