package drill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// The log is a line a record: the CRC-32 (Castagnoli) of the JSON in eight hexadecimal digits, a space, the JSON. The first line is a beginning and
// comes with the file, whole. Each further one is synced before the next is written, so after a crash only the last can be torn; it is cut off.
const (
	logName   = "log"
	logFormat = 1
	maxLog    = 1 << 30
)

// beginning is the first line.
type beginning struct {
	Format       int                 `json:"format"`
	Started      time.Time           `json:"started"`
	Certificates []certificateRecord `json:"certificates"`
	Tickets      bool                `json:"tickets"` // whether the drill has such a part
	Accounts     bool                `json:"accounts"`
	Sessions     bool                `json:"sessions"`
}

type certificateRecord struct {
	Name     string   `json:"name"`
	Services []string `json:"services,omitempty"`
	Leaf     []byte   `json:"leaf"` // DER
}

// finish is the phase of the last record.
const finish Phase = "finish"

// record is any other line: a step that is done or has failed, progress in marking users, or the end.
type record struct {
	Time   time.Time `json:"time"`
	Phase  Phase     `json:"phase"`
	Item   string    `json:"item,omitempty"` // name of the certificate
	Done   bool      `json:"done,omitempty"`
	Note   string    `json:"note,omitempty"`
	Failed string    `json:"failed,omitempty"`
	Cursor string    `json:"cursor,omitempty"` // Passwords: the last user that is marked
	Count  int       `json:"count,omitempty"`  // Passwords: how many since the record before
}

// errLog says that the log cannot be written: then nothing more may be done.
var errLog = errors.New("drill: the log cannot be written")

// logFile is the log, open for writing.
type logFile struct {
	file appender
}

// readLog returns what the log in dir says, nil if there is none, and how many of its bytes are whole lines. It changes nothing.
func readLog(dir string) (s *state, whole int64, err error) {
	path := filepath.Join(dir, logName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err == nil && info.Size() > maxLog {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxLog)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("drill: %w", err)
	}
	s, n, err := parseLog(data)
	if err != nil {
		return nil, 0, fmt.Errorf("drill: %s: %w", path, err)
	}
	return s, int64(n), nil
}

// parseLog returns what a log says and how many of its bytes say it: the rest is a torn line.
func parseLog(data []byte) (s *state, whole int, err error) {
	for number := 1; whole < len(data); number++ {
		line, _, complete := bytes.Cut(data[whole:], []byte("\n"))
		text, ok := unseal(line)
		if !ok || !complete {
			if number == 1 || bytes.IndexByte(data[whole:], '\n') >= 0 && hasLine(data[whole+len(line)+1:]) {
				return nil, 0, fmt.Errorf("line %d is damaged", number)
			}
			return s, whole, nil
		}
		if number == 1 {
			s, err = parseBeginning(text)
		} else {
			var x record
			if err = json.Unmarshal(text, &x); err == nil {
				err = s.apply(x)
			}
		}
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", number, err)
		}
		whole += len(line) + 1
	}
	if s == nil {
		return nil, 0, errors.New("is empty")
	}
	return s, whole, nil
}

func parseBeginning(text []byte) (*state, error) {
	var b beginning
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, err
	}
	if b.Format != logFormat {
		return nil, fmt.Errorf("has format %d, this program knows %d", b.Format, logFormat)
	}
	s, err := newState(b)
	if err == nil {
		s.begun = true
	}
	return s, err
}

// hasLine reports whether a good line follows: then what comes before is damage, not a torn end.
func hasLine(data []byte) bool {
	for line := range bytes.Lines(data) {
		if _, ok := unseal(bytes.TrimSuffix(line, []byte("\n"))); ok {
			return true
		}
	}
	return false
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func seal(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(text, castagnoli), text), nil
}

func unseal(line []byte) (text []byte, ok bool) {
	if len(line) < 9 || line[8] != ' ' {
		return nil, false
	}
	sum, err := strconv.ParseUint(string(line[:8]), 16, 32)
	text = line[9:]
	return text, err == nil && uint32(sum) == crc32.Checksum(text, castagnoli)
}

// createLog makes the log of a drill that begins, and returns its size.
func createLog(d disk, dir string, s *state) (size int64, err error) {
	line, err := seal(s.beginning)
	if err == nil {
		err = d.Replace(filepath.Join(dir, logName), line)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errLog, err)
	}
	s.begun = true
	return int64(len(line)), nil
}

// openLog opens the log to append to its whole lines.
func openLog(d disk, dir string, whole int64) (*logFile, error) {
	file, err := d.Append(filepath.Join(dir, logName), whole)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLog, err)
	}
	return &logFile{file}, nil
}

func (l *logFile) append(x record) error {
	line, err := seal(x)
	if err == nil {
		_, err = l.file.Write(line)
	}
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errLog, err)
	}
	return nil
}

func (l *logFile) close() error { return l.file.Close() }
