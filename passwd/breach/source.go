package breach

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// Source is a list of hashes in ascending order.
type Source struct {
	each func(kind Kind, progress func(float64), add func(uint64) error) error
}

// List reads lines of a hash in hexadecimal, perhaps with ":" and how often it was seen, in ascending order. size, in bytes, is for the
// progress; zero if it is not known.
func List(r io.Reader, size int64) Source {
	return Source{func(kind Kind, progress func(float64), add func(uint64) error) error {
		counted := &counter{r: r, size: size, progress: progress}
		return lines(counted, "", kind, add)
	}}
}

// Ranges reads the files of a folder that have the first five digits of hashes as their names, with or without ".txt", and the rest in lines:
// what the download programs of Have I Been Pwned write.
func Ranges(folder fs.FS) Source {
	return Source{func(kind Kind, progress func(float64), add func(uint64) error) error {
		entries, err := fs.ReadDir(folder, ".") // sorted, which is the order of the hashes
		if err != nil {
			return fmt.Errorf("breach: %w", err)
		}
		found := false
		for _, e := range entries {
			prefix := strings.TrimSuffix(e.Name(), ".txt")
			n, err := strconv.ParseUint(prefix, 16, 20)
			if len(prefix) != 5 || err != nil || e.IsDir() {
				continue
			}
			found = true
			if err := rangeFile(folder, e.Name(), prefix, kind, add); err != nil {
				return err
			}
			if progress != nil && n%256 == 0 {
				progress(float64(n) / (1 << 20))
			}
		}
		if !found {
			return errors.New("breach: the folder has no range files such as 0A1B2.txt")
		}
		return nil
	}}
}

func rangeFile(folder fs.FS, name, prefix string, kind Kind, add func(uint64) error) error {
	f, err := folder.Open(name)
	if err != nil {
		return fmt.Errorf("breach: %w", err)
	}
	defer f.Close()
	if err := lines(f, prefix, kind, add); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// lines reads hashes, of which prefix is the beginning.
func lines(r io.Reader, prefix string, kind Kind, add func(uint64) error) error {
	number := 0
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), 64<<10)
	for s.Scan() {
		number++
		text := strings.TrimPrefix(strings.TrimSpace(s.Text()), "\ufeff")
		if text == "" {
			continue
		}
		hash, times, _ := strings.Cut(text, ":")
		if times == "0" { // padding
			continue
		}
		hash = prefix + hash
		if len(hash) != kind.digits() {
			return fmt.Errorf("breach: line %d is no hash of %d hexadecimal digits", number, kind.digits())
		}
		key, err := strconv.ParseUint(hash[:16], 16, 64)
		if err != nil {
			return fmt.Errorf("breach: line %d is no hash in hexadecimal", number)
		}
		if err := add(key); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return s.Err()
}

// counter tells how much was read.
type counter struct {
	r        io.Reader
	n, size  int64
	last     int64
	progress func(float64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.progress != nil && c.size > 0 && c.n-c.last >= c.size/1000 {
		c.last = c.n
		c.progress(float64(c.n) / float64(c.size))
	}
	return n, err
}
