package goimap_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
)

var randomFor = flag.Duration("random", 0, "let random clients and commands run for so long")

// TestSimulation lets random clients act on one account, and holds the server to what each of them must believe: so updates come in a
// legal order.
func TestSimulation(t *testing.T) {
	s := newServer(t)
	start := time.Now()
	for seed := uint64(1); seed <= 3 || time.Since(start) < *randomFor; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			imapservertest.Simulate(t, s.judged("goimap", s.goimap), imapservertest.Simulation{Seed: seed})
		})
	}
}

// pieces are what random commands are made of: "%" stands for another piece.
var pieces = []string{
	"NOOP", "CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "CAPABILITY", "NAMESPACE", "SELECT INBOX", "EXAMINE INBOX", "SELECT @box", "DELETE @box",
	"CREATE @box", "CREATE @box (USE (\\Sent))", "RENAME @box @box", "RENAME INBOX @box", "SUBSCRIBE @box", "UNSUBSCRIBE @box", "ENABLE IMAP4rev2",
	"STATUS @box (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE APPENDLIMIT DELETED-STORAGE)", "LIST \"\" *", "LIST \"\" \"\"", "LSUB x %/*",
	"LIST (SUBSCRIBED RECURSIVEMATCH SPECIAL-USE REMOTE) @box (% @box *) RETURN (CHILDREN SUBSCRIBED SPECIAL-USE STATUS (MESSAGES RECENT SIZE))",
	"@uid FETCH @set ALL", "@uid FETCH @set (UID @item @item @item)", "@uid FETCH @set @item", "@uid STORE @set @op (@flag @flag)",
	"@uid COPY @set @box", "@uid MOVE @set @box", "UID EXPUNGE @set", "@uid SEARCH @key", "@uid SEARCH RETURN (@ret @ret) @key @key",
	"@uid SEARCH CHARSET UTF-8 OR @key NOT (@key @key)", "APPEND @box (@flag) {5+}\r\nA: b\x00", "APPEND @box \" 1-Feb-2026 01:00:00 +0100\" ~{4+}\r\n\x00\r\nx",
	"UNAUTHENTICATE", "LOGIN " + user + " \"" + password + "\"", "FETCH", "X", "STORE 1 FLAGS",
}

var choices = map[string][]string{
	"@box":  {"INBOX", "a", "a/b", "Sent", `"b c"`, `"&-"`, `""`, "/", "inbox/x", "*"},
	"@uid":  {"", "UID"},
	"@set":  {"1", "1:*", "*", "2:1", "*:3", "4294967295", "1,3,5:7", "$", "*:4294967295"},
	"@op":   {"FLAGS", "+FLAGS", "-FLAGS", "+FLAGS.SILENT", "FLAGS.SILENT", "-FLAGS.SILENT"},
	"@flag": {`\Seen`, `\deleted`, `\Answered`, `\Recent`, `\*`, "$Label", "word", "WORD", "æ", `\Deleted`},
	"@ret":  {"MIN", "MAX", "ALL", "COUNT", "SAVE"},
	"@item": {
		"FLAGS", "ENVELOPE", "BODY", "BODYSTRUCTURE", "INTERNALDATE", "RFC822.SIZE", "RFC822", "RFC822.HEADER", "RFC822.TEXT", "BODY[]", "BODY.PEEK[TEXT]",
		"BODY[1]", "BODY[1.1.MIME]", "BODY.PEEK[MIME]", "BODY[HEADER.FIELDS (TO SUBJECT)]", "BODY[2.HEADER.FIELDS.NOT (\"x\")]", "BODY[0]<0.0>",
		"BODY.PEEK[]<9223372036854775807.9223372036854775807>", "BINARY[1]", "BINARY.PEEK[]<3.9223372036854775807>", "BINARY.SIZE[1.2]", "BODY[4294967295]",
		"BODY[HEADER.FIELDS ()]", "BINARY[2.1]<1.2>",
	},
	"@key": {
		"ALL", "@set", "UID @set", "NEW", "OLD", "RECENT", "SEEN", "UNSEEN", "KEYWORD @flag", "UNKEYWORD word", "LARGER 0", "SMALLER 100", "BEFORE 1-Jan-2030",
		"ON 1-Feb-2026", "SENTSINCE 1-Jan-0001", "SENTON 31-Dec-9999", "SUBJECT \"\"", "HEADER x-none \"\"", "FROM a", "TEXT e", "BODY {2+}\r\n\xff\xfe", "TEXT tekst", "NOT @key",
		"OR @key @key", "(@key @key)", "HEADER \"\" a",
	},
}

// sentence makes a random command.
func sentence(rnd *rand.Rand) string {
	text := pieces[rnd.IntN(len(pieces))]
	for range 30 {
		before := text
		for name, list := range choices {
			if i := strings.Index(text, name); i >= 0 {
				text = text[:i] + list[rnd.IntN(len(list))] + text[i+len(name):]
			}
		}
		if text == before {
			break
		}
	}
	return strings.TrimSpace(text)
}

// TestRandomCommands sends commands that make sense, more or less, in two sessions about a mailbox of malformed mail. Nothing may panic, and a
// connection that ends can be made anew.
func TestRandomCommands(t *testing.T) {
	s := newServer(t)
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	filler := s.rawLogin(t, s.goimap, "")
	for _, m := range imapservertest.Malformed(seed, 60) {
		filler.append("INBOX", bytes.ReplaceAll(m, []byte{0}, nil))
	}
	clients := []*raw{s.rawLogin(t, s.goimap, "INBOX"), s.rawLogin(t, s.goimap, "INBOX")}
	start, sent, ended, answers := time.Now(), 0, 0, map[string]int{}
	for ; sent < 500 || time.Since(start) < *randomFor; sent++ {
		i := rnd.IntN(len(clients))
		// Some commands get no answer from the library, so another follows.
		command := sentence(rnd)
		_, tagged, err := clients[i].do(command+"\r\nn NOOP", "n ")
		status, _, _ := strings.Cut(tagged, " ")
		if answers[status]++; err != nil {
			ended++
			clients[i].conn.Close()
			clients[i] = s.rawLogin(t, s.goimap, "INBOX")
		}
	}
	t.Logf("seed %d: %d commands: %v; %d connections ended", seed, sent, answers, ended)
	if answers["OK"] < sent/5 {
		t.Errorf("few commands succeeded: %v", answers)
	}
	findings, err := s.unit.Verify(t.Context())
	if err != nil || len(findings) > 0 {
		t.Errorf("%v %v", findings, err)
	}
}
