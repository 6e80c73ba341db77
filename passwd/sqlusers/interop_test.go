//go:build interop

package sqlusers

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	_ "github.com/lib/pq"
	_ "modernc.org/sqlite"
)

// TestPostgreSQL runs a real PostgreSQL on a socket in a folder of its own.
func TestPostgreSQL(t *testing.T) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		t.Fatal("PostgreSQL is not installed; this test needs it")
	}
	bin := found[len(found)-1]
	dir, err := os.MkdirTemp("", "pg")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	var as []string // it does not run as root
	if os.Geteuid() == 0 {
		as = []string{"runuser", "-u", "postgres", "--"}
		must(t, exec.Command("chown", "postgres", dir).Run())
	}
	run := func(args ...string) {
		t.Helper()
		args = append(as[:len(as):len(as)], args...)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		log, err := os.CreateTemp(t.TempDir(), "log")
		must(t, err)
		cmd.Stdout, cmd.Stderr = log, log // a pipe would stay open in the server
		if err := cmd.Run(); err != nil {
			out, _ := os.ReadFile(log.Name())
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	data := filepath.Join(dir, "data")
	run(filepath.Join(bin, "initdb"), "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync")
	run(filepath.Join(bin, "pg_ctl"), "-D", data, "-w", "-o", "-c listen_addresses='' -c unix_socket_directories="+dir+" -c fsync=off", "start")
	defer run(filepath.Join(bin, "pg_ctl"), "-D", data, "-m", "immediate", "stop")
	db, err := sql.Open("postgres", "host="+dir+" user=test dbname=postgres sslmode=disable")
	must(t, err)
	defer db.Close()
	conform(t, db, PostgreSQL())
}

// TestSQLite is here since its driver takes a minute to compile.
func TestSQLite(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "users.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	must(t, err)
	defer db.Close()
	conform(t, db, SQLite())
}
