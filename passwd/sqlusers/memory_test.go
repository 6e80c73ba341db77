package sqlusers

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
)

// memory is a database of one table that understands just the statements of these tests. Real ones are in the interop tests.
type memory struct {
	mu   sync.Mutex // guards the following field
	rows map[string][]string
}

func (m *memory) Open(string) (driver.Conn, error) { return memoryConn{m}, nil }

type memoryConn struct{ *memory }

func (c memoryConn) Prepare(query string) (driver.Stmt, error) {
	return memoryStmt{c.memory, query}, nil
}
func (memoryConn) Close() error              { return nil }
func (memoryConn) Begin() (driver.Tx, error) { return nil, errors.New("no transactions") }

type memoryStmt struct {
	*memory
	query string
}

func (memoryStmt) Close() error    { return nil }
func (s memoryStmt) NumInput() int { return strings.Count(s.query, "?") }

func texts(args []driver.Value) (list []string) {
	for _, a := range args {
		list = append(list, a.(string))
	}
	return list
}

func (s memoryStmt) Exec(values []driver.Value) (driver.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	args := texts(values)
	switch {
	case strings.HasPrefix(s.query, "CREATE"):
		s.rows = map[string][]string{}
	case strings.HasPrefix(s.query, "INSERT"):
		for _, user := range strings.Split(s.query, "(")[2:] { // ('name', 'hash'), ...
			f := strings.Split(user, "'")
			s.rows[f[1]] = []string{f[3], "active", "{}"}
		}
	case len(args) == 0: // of the test itself
		s.rows["carl"][1] = "sleeping"
	case slices.Equal(s.rows[args[3]], args[4:]):
		s.rows[args[3]] = args[:3]
	default:
		return driver.RowsAffected(0), nil
	}
	return driver.RowsAffected(1), nil
}

func (s memoryStmt) Query(values []driver.Value) (driver.Rows, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := texts(values)[0]
	if row, ok := s.rows[name]; ok {
		return &memoryRows{append([]string{name}, row...)}, nil
	}
	return &memoryRows{}, nil
}

type memoryRows struct{ row []string }

func (*memoryRows) Columns() []string { return []string{"name", "hash", "state", "attributes"} }
func (*memoryRows) Close() error      { return nil }

func (r *memoryRows) Next(to []driver.Value) error {
	if r.row == nil {
		return io.EOF
	}
	for i, v := range r.row {
		to[i] = v
	}
	r.row = nil
	return nil
}

func TestMemory(t *testing.T) {
	sql.Register("memory", &memory{})
	db, err := sql.Open("memory", "")
	must(t, err)
	defer db.Close()
	conform(t, db, SQLite())
}
