package passwd

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/mailhavn/mailhavn/imapserver"
	"github.com/mailhavn/mailhavn/passwd/mta"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
	"github.com/mailhavn/mailhavn/tlspolicy"
)

// strangers are users of every kind, seen by somebody who does not know their passwords, and names that nobody has.
var strangers = []string{"nobody", "no name", "active", "disabled", "expired", "must-change", "app-only", "with-app", "imported"}

// listeners are an IMAP server and the socket for Postfix and Exim in front of the same users. The count is of hash computations.
func listeners(t testing.TB) (dials map[string]func() *lineClient, count *atomic.Int64) {
	f, count := newFile(t)
	f.Hasher.SCRAM, f.Hasher.Iterations = []string{"SHA-256"}, 4096
	for _, user := range strangers[2:] {
		must(t, f.Add(background, user, "quiet lanterns"))
	}
	must(t, f.Disable(background, "disabled"))
	must(t, SetExpiry(background, f, "expired", time.Now().Add(-time.Hour)))
	must(t, RequireChange(background, f, "must-change", time.Time{}))
	must(t, SetAppOnly(background, f, "app-only", "*"))
	_, _, err := AddAppPassword(background, f, &f.Hasher, "with-app", AppPassword{})
	must(t, err)
	store(t, f, "imported", "{SSHA512}wi9YafcoofJmf2EAse7rB2ZqIkYZ84r2aOkSfr9/l8lIv/xaWkApO0FlcpQrYxnZAgL4316JpqTb4psQuw7ig9kOANM=")

	dir := t.TempDir()
	certificate, err := tlspolicy.SelfSigned(dir)
	must(t, err)
	config, err := tlspolicy.Intermediate.Server(certificate)
	must(t, err)
	unit, err := storage.Open(vfs.NewMem(), storage.Options{SegmentSize: 1 << 20, Ballast: -1})
	must(t, err)
	t.Cleanup(func() { unit.Close() })
	server := &imapserver.Server{TLS: config, Auth: NewAuthenticator(f), Open: unit.OpenAccount, Logger: slog.New(slog.DiscardHandler)}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go server.ServeTLS(tcp)
	t.Cleanup(func() { server.Shutdown(background) })

	submission := NewAuthenticator(f)
	submission.Login = true
	socket := &mta.Auth{Authenticator: submission}
	unix, err := net.Listen("unix", filepath.Join(dir, "s"))
	must(t, err)
	go socket.Serve(unix)
	t.Cleanup(func() { socket.Close() })

	dial := func(connect func() (net.Conn, error), last, end string) func() *lineClient {
		return func() *lineClient {
			conn, err := connect()
			must(t, err)
			t.Cleanup(func() { conn.Close() })
			conn.SetDeadline(time.Now().Add(time.Minute))
			c := &lineClient{t, conn, bufio.NewReader(conn), end}
			for !strings.HasPrefix(c.line(), last) { // the greeting
			}
			return c
		}
	}
	return map[string]func() *lineClient{
		"imap": dial(func() (net.Conn, error) {
			return tls.Dial("tcp", tcp.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		}, "* OK", "\r\n"),
		"socket": dial(func() (net.Conn, error) { return net.Dial("unix", unix.Addr().String()) }, "DONE", "\n"),
	}, count
}

// lineClient speaks a protocol of lines.
type lineClient struct {
	t   testing.TB
	w   io.Writer
	in  *bufio.Reader
	end string // of lines
}

func (c *lineClient) line() string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	must(c.t, err)
	return strings.TrimRight(line, "\r\n")
}

// say sends a line and returns the one that is the answer.
func (c *lineClient) say(text string) string {
	c.t.Helper()
	_, err := io.WriteString(c.w, text+c.end)
	must(c.t, err)
	return c.line()
}

func base(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// guesses are the ways to try a password: each returns all that is heard, but for what is random.
var guesses = map[string]map[string]func(c *lineClient, user string) string{
	"imap": {
		"PLAIN": func(c *lineClient, user string) string {
			return c.say("a AUTHENTICATE PLAIN " + base("\x00"+user+"\x00noisy lanterns"))
		},
		"the command LOGIN": func(c *lineClient, user string) string {
			return c.say(fmt.Sprintf("a LOGIN %q %q", user, "noisy lanterns"))
		},
		"SCRAM": func(c *lineClient, user string) string {
			return guessSCRAM(c, user, "a AUTHENTICATE SCRAM-SHA-256 ", "+ ", "")
		},
	},
	"socket": {
		"PLAIN": func(c *lineClient, user string) string {
			return c.say("AUTH\t1\tPLAIN\tsecured\tresp=" + base("\x00"+user+"\x00noisy lanterns"))
		},
		"LOGIN": func(c *lineClient, user string) string {
			return c.say("AUTH\t1\tLOGIN\tsecured") + c.say("CONT\t1\t"+base(user)) + c.say("CONT\t1\t"+base("noisy lanterns"))
		},
		"SCRAM": func(c *lineClient, user string) string {
			return guessSCRAM(c, user, "AUTH\t1\tSCRAM-SHA-256\tsecured\tresp=", "CONT\t1\t", "CONT\t1\t")
		},
	},
}

func guessSCRAM(c *lineClient, user, begin, challenge, next string) string {
	client, err := scram.SHA256.NewClientUnprepped(strings.ReplaceAll(user, " ", "_"), "noisy lanterns", "")
	must(c.t, err)
	x := client.NewConversation()
	first, err := x.Step("")
	must(c.t, err)
	answer, ok := strings.CutPrefix(c.say(begin+base(first)), challenge)
	text, err := base64.StdEncoding.DecodeString(answer)
	if !ok || err != nil {
		return "instead of a challenge: " + answer
	}
	final, err := x.Step(string(text))
	must(c.t, err)
	_, salt, _ := strings.Cut(string(text), ",s=")
	_, iterations, _ := strings.Cut(salt, ",i=")
	return fmt.Sprintf("%d bytes, %s iterations: %s", len(text), iterations, c.say(next+base(final)))
}

// Over what we listen on, nobody can tell who exists by what is answered, nor by how much is computed.
func TestStrangers(t *testing.T) {
	dials, count := listeners(t)
	for listener, ways := range guesses {
		for way, guess := range ways {
			var heard string
			var cost int64
			for i, user := range strangers {
				before := count.Load()
				got, n := guess(dials[listener](), user), count.Load()-before
				if i == 0 {
					heard, cost = got, n
					t.Logf("%s, %s: %d hashes, %q", listener, way, cost, heard)
				}
				if got != heard || n != cost {
					t.Errorf("%s, %s, %s: %q for %d hashes; nobody: %q for %d", listener, way, user, got, n, heard, cost)
				}
			}
			if strings.HasPrefix(way, "SCRAM") != (cost == 0) || cost > 1 {
				t.Errorf("%s, %s: %d hashes", listener, way, cost)
			}
		}
	}
}

// BenchmarkStrangers tells the median time of an answer for each kind of user, asked in turns, where hashes take next to no time: what
// differs besides their number.
func BenchmarkStrangers(b *testing.B) {
	dials, _ := listeners(b)
	c := dials["socket"]()
	times := map[string][]time.Duration{}
	for range b.N {
		for _, user := range strangers {
			began := time.Now()
			guesses["socket"]["PLAIN"](c, user)
			times[user] = append(times[user], time.Since(began))
		}
	}
	for user, list := range times {
		slices.Sort(list)
		b.ReportMetric(float64(list[len(list)/2].Microseconds()), "µs/"+strings.ReplaceAll(user, " ", "-"))
	}
}
