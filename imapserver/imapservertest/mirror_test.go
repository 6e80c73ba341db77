package imapservertest

import (
	"strings"
	"testing"
)

// opened is how a client selects a mailbox of three messages.
const opened = `C s SELECT INBOX
S * FLAGS (\Seen)
S * 3 EXISTS
S * 0 RECENT
S * OK [PERMANENTFLAGS (\*)] x
S * OK [UIDVALIDITY 9] x
S * OK [UIDNEXT 10] x
S * OK [HIGHESTMODSEQ 5] x
S * LIST () "/" INBOX
S s OK [READ-WRITE] x
`

const enabled = "C e ENABLE QRESYNC\nS * ENABLED QRESYNC\nS e OK x\n"

// TestMirror feeds the client's view with lines of client (C) and server (S); the last may break a rule.
func TestMirror(t *testing.T) {
	for _, c := range []struct{ name, lines, broken string }{
		{"select", opened, ""},
		{"select without EXISTS", strings.Replace(opened, "S * 3 EXISTS\n", "", 1), "without EXISTS"},
		{"select without UIDVALIDITY", strings.Replace(opened, "S * OK [UIDVALIDITY 9] x\n", "", 1), "without UIDVALIDITY"},
		{"qresync select without HIGHESTMODSEQ", enabled + strings.Replace(opened, "S * OK [HIGHESTMODSEQ 5] x\n", "", 1), "without HIGHESTMODSEQ"},
		{"select again without CLOSED", enabled + opened + opened, "no CLOSED"},
		{"expunge at NOOP", opened + "C a NOOP\nS * 3 EXPUNGE\nS * 1 EXPUNGE\nS a OK x", ""},
		{"expunge without a command", opened + "S * 1 EXPUNGE", "no command"},
		{"expunge after NOTIFY", opened + "C a NOTIFY SET (selected (MessageNew MessageExpunge))\nS a OK x\nS * 1 EXPUNGE", ""},
		{"expunge after delayed NOTIFY", opened + "C a NOTIFY SET (selected-delayed (MessageNew MessageExpunge))\nS a OK x\nS * 1 EXPUNGE", "no command"},
		{"expunge after NOTIFY NONE", opened + "C a NOTIFY SET (selected (MessageNew MessageExpunge))\nS a OK x\nC b NOTIFY NONE\nS b OK x\nS * 1 EXPUNGE", "no command"},
		{"expunge in FETCH", opened + "C a FETCH 1 FLAGS\nS * 1 EXPUNGE", "during FETCH"},
		{"expunge in STORE", opened + "C a STORE 1 FLAGS ()\nS * 1 EXPUNGE", "during STORE"},
		{"expunge in SEARCH", opened + "C a SEARCH ALL\nS * 1 EXPUNGE", "during SEARCH"},
		{"expunge in UID FETCH", opened + "C a UID FETCH 1 FLAGS\nS * 1 EXPUNGE\nS a OK x", ""},
		{"expunge in UID SEARCH with numbers", opened + "C a UID SEARCH 1:3 SEEN\nS * 1 EXPUNGE", "UID SEARCH with message numbers"},
		{"expunge in UID SEARCH", opened + "C a UID SEARCH SEEN\nS * 1 EXPUNGE\nS a OK x", ""},
		{"expunge out of range", opened + "C a NOOP\nS * 4 EXPUNGE", "client counts 3"},
		{"expunge twice out of range", opened + "C a NOOP\nS * 3 EXPUNGE\nS * 3 EXPUNGE", "client counts 2"},
		{"the pipelined FETCH is not in progress yet", opened + "C a NOOP\nC b FETCH 1 FLAGS\nS * 3 EXPUNGE\nS a OK x", ""},
		{"now it is", opened + "C a NOOP\nC b FETCH 1 FLAGS\nS a OK x\nS * 3 EXPUNGE", "during FETCH"},
		{"EXISTS grows", opened + "S * 4 EXISTS", ""},
		{"EXISTS shrinks", opened + "S * 2 EXISTS", "client counts 3"},
		{"EXISTS without a mailbox", "S * 2 EXISTS", "without a selected mailbox"},
		{"EXISTS after CLOSE", opened + "C a CLOSE\nS a OK x\nS * 3 EXISTS", "without a selected mailbox"},
		{"EXISTS after a failed SELECT", opened + "C a SELECT x\nS a NO x\nS * 3 EXISTS", "without a selected mailbox"},
		{"a bad SELECT changes nothing", opened + "C a SELECT x\nS a BAD x\nS * 3 EXISTS", ""},
		{"FETCH out of range", opened + "C a FETCH 1:* FLAGS\nS * 4 FETCH (FLAGS ())", "client counts 3"},
		{"UID changes", opened + "S * 1 FETCH (UID 4 FLAGS ())\nS * 1 FETCH (UID 5 FLAGS ())", "knows it as 4"},
		{"UIDs out of order", opened + "S * 1 FETCH (UID 4 FLAGS ())\nS * 3 FETCH (UID 4 FLAGS ())", "message 1 has UID 4"},
		{"UID 0", opened + "S * 1 FETCH (UID 0 FLAGS ())", "UID 0"},
		{"UID FETCH without UID", opened + "S * 1 FETCH (UID 4)\nC a UID FETCH 4 FLAGS\nS * 1 FETCH (FLAGS ())", "without UID"},
		{"MODSEQ falls", opened + "S * 1 FETCH (MODSEQ (9))\nS * 1 FETCH (MODSEQ (8))", "MODSEQ"},
		{"MODSEQ is left out", enabled + opened + "C a STORE 1 FLAGS ()\nS * 1 FETCH (UID 4 FLAGS ())", "no MODSEQ"},
		{"UID is left out", enabled + opened + "C a NOOP\nS * 1 FETCH (FLAGS () MODSEQ (8))", "no UID"},
		{"asked for FLAGS only", enabled + opened + "C a FETCH 1 FLAGS\nS * 1 FETCH (FLAGS ())\nS a OK x", ""},
		{"a first enabling command", opened + "C a FETCH 1 (MODSEQ)\nS * 1 FETCH (MODSEQ (8))\nS a OK x", "no HIGHESTMODSEQ"},
		{"a first enabling command, answered", opened + "C a FETCH 1 (MODSEQ)\nS * OK [HIGHESTMODSEQ 8] x\nS a OK x", ""},
		{"EXPUNGE after ENABLE QRESYNC", enabled + opened + "C a NOOP\nS * 1 EXPUNGE", "EXPUNGE after"},
		{"VANISHED without it", opened + "C a NOOP\nS * VANISHED 1", "without ENABLE"},
		{"VANISHED", enabled + opened + "C a NOOP\nS * VANISHED 4:6\nS a OK x\nS * 0 EXISTS", ""},
		{"VANISHED of too many", enabled + opened + "C a NOOP\nS * VANISHED 4:7", "does not have"},
		{"VANISHED of what is not there", enabled + opened + "S * 1 FETCH (UID 4 FLAGS () MODSEQ (6))\nS * 2 FETCH (UID 5 FLAGS () MODSEQ (6))\n" +
			"S * 3 FETCH (UID 6 FLAGS () MODSEQ (6))\nC a NOOP\nS * VANISHED 3", "does not have"},
		{"VANISHED in STORE", enabled + opened + "C a STORE 1 FLAGS ()\nS * VANISHED 4", "during STORE"},
		{"VANISHED (EARLIER) unasked", enabled + opened + "C a NOOP\nS * VANISHED (EARLIER) 1", "nobody asked"},
		{"VANISHED (EARLIER) of what is there", enabled + opened + "S * 1 FETCH (UID 4 FLAGS () MODSEQ (6))\n" +
			"C a UID FETCH 1:9 (FLAGS) (CHANGEDSINCE 1 VANISHED)\nS * VANISHED (EARLIER) 4", "which is there"},
		{"VANISHED (EARLIER) after FETCH", enabled + opened + "C a UID FETCH 1:9 (FLAGS) (CHANGEDSINCE 1 VANISHED)\n" +
			"S * 1 FETCH (UID 4 FLAGS () MODSEQ (6))\nS * VANISHED (EARLIER) 3", "after FETCH"},
		{"an unknown tag", "S a OK x", "no command in progress"},
		{"a tagged BYE", "C a NOOP\nS a BYE x", "tagged response"},
		{"SEARCH in rev2", "C e ENABLE IMAP4rev2\nS * ENABLED IMAP4rev2\nS e OK x\nC a SEARCH ALL\nS * SEARCH 1", "ESEARCH"},
		{"SEARCH out of range", opened + "C a SEARCH ALL\nS * SEARCH 1 4", "client counts 3"},
		{"ESEARCH out of range", opened + "C a SEARCH RETURN (COUNT ALL) ALL\nS * ESEARCH (TAG \"a\") COUNT 9 ALL 1:4", "client counts 3"},
		{"UID SEARCH knows no range", opened + "C a UID SEARCH ALL\nS * SEARCH 1 44\nS a OK x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m mirror
			err := play(t, &m, c.lines)
			if c.broken == "" && err != nil {
				t.Fatalf("got %v", err)
			}
			for _, part := range strings.Split(c.broken, "|") {
				if err != nil && strings.Contains(err.Error(), part) {
					return
				}
			}
			if c.broken != "" {
				t.Fatalf("got %v, want %s", err, c.broken)
			}
		})
	}
}

// play feeds a mirror and returns the first complaint.
func play(t *testing.T, m *mirror, lines string) error {
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		if rest, ok := strings.CutPrefix(line, "C "); ok {
			m.send(newCommand(rest))
			continue
		}
		r, err := parseResponse([]byte(strings.TrimPrefix(line, "S ")))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if err := m.apply(r); err != nil {
			return err
		}
	}
	return nil
}

// TestMirrorBelief checks what a client believes in the end.
func TestMirrorBelief(t *testing.T) {
	all := "C f FETCH 1:3 (UID FLAGS)\nS * 1 FETCH (UID 4 FLAGS (\\Seen))\nS * 2 FETCH (UID 5 FLAGS ())\nS * 3 FETCH (UID 6 FLAGS (b a \\Recent))\nS f OK x\n"
	for _, c := range []struct{ name, lines, want string }{
		{"fetched", opened + all, "4 \\seen |5 |6 a b |"},
		{"expunged", opened + all + "C a NOOP\nS * 2 EXPUNGE\nS a OK x", "4 \\seen |6 a b |"},
		{"stored in silence", opened + all + "C a STORE 1,3 +FLAGS.SILENT (\\Flagged)\nS a OK x", "4 \\flagged \\seen |5 |6 \\flagged a b |"},
		{"removed in silence", opened + all + "C a UID STORE 4:6 -FLAGS.SILENT (A \\Seen)\nS a OK x", "4 |5 |6 b |"},
		{"replaced in silence", opened + all + "C a STORE 2:* FLAGS.SILENT \\Draft x\nS a OK x", "4 \\seen |5 \\draft x |6 \\draft x |"},
		{"told all the same", opened + all + "C a STORE 1 +FLAGS.SILENT (x)\nS * 1 FETCH (FLAGS (x y))\nS a OK x", "4 x y |5 |6 a b |"},
		{"not all stored", opened + all + "C a STORE 1:2 (UNCHANGEDSINCE 3) +FLAGS.SILENT (x)\nS * OK [HIGHESTMODSEQ 4] x\nS a OK [MODIFIED 2] x", "4 \\seen x |5 |6 a b |"},
		{"refused", opened + all + "C a STORE 1 +FLAGS.SILENT (x)\nS a NO x", "4 ?|5 |6 a b |"},
		{"vanished", enabled + opened + all + "C a NOOP\nS * VANISHED 4:5\nS a OK x", "6 a b |"},
		{"vanished before it was known", enabled + opened + all + "S * 5 EXISTS\nC a NOOP\nS * VANISHED 5,7\nS a OK x", "0 ?|0 ?|0 ?|"},
		{"all unknown ones vanished", enabled + opened + all + "S * 5 EXISTS\nC a NOOP\nS * VANISHED 5,7,9\nS a OK x", "4 \\seen |6 a b |"},
	} {
		var m mirror
		if err := play(t, &m, c.lines); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got strings.Builder
		for _, msg := range m.box.messages {
			flags := msg.flags
			if !msg.known {
				flags = "?"
			}
			got.WriteString(numSet{{msg.uid, msg.uid}}.String() + " " + flags + "|")
		}
		if got.String() != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got.String(), c.want)
		}
	}
}

// TestMirrorHighest follows the example of RFC 7162, section 6.
func TestMirrorHighest(t *testing.T) {
	var m mirror
	steps := []struct {
		lines string
		want  uint64
	}{
		{enabled + strings.Replace(opened, "HIGHESTMODSEQ 5", "HIGHESTMODSEQ 96", 1), 96},
		{"C a150 STORE 1:2 (UNCHANGEDSINCE 96) +FLAGS.SILENT \\Seen\nS * 1 FETCH (UID 6 MODSEQ (103))\nS * 2 FETCH (UID 7 MODSEQ (101))\n" +
			"S * OK [HIGHESTMODSEQ 99] VANISHED reply with MODSEQ 100 is delayed\nS a150 OK [MODIFIED 3] done", 99},
		{"C a151 STORE 3 +FLAGS.SILENT \\Seen\nS * 3 FETCH (UID 8 MODSEQ (104))\nS a151 OK [HIGHESTMODSEQ 99] Still delaying VANISHED", 99},
		{"C a152 NOOP\nS * VANISHED 8\nS a152 OK [HIGHESTMODSEQ 104] done", 104},
		{"C a153 NOOP\nS * 1 FETCH (UID 6 FLAGS () MODSEQ (110))\nS a153 OK done", 110},
	}
	for i, s := range steps {
		if err := play(t, &m, s.lines); err != nil {
			t.Fatal(err)
		}
		if m.box.highest != s.want {
			t.Errorf("after step %d: %d, want %d", i, m.box.highest, s.want)
		}
	}
}
