//go:build interop

package interop_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// swaks delivers a message by swaks and returns what was said; the message ends in CRLF and has no bare LF.
func swaks(s *server, text string, to ...string) string {
	s.t.Helper()
	args := []string{"--protocol", "LMTP", "--from", "sender@example.net", "--helo", "client.example.net", "--to", strings.Join(to, ","),
		"--no-data-fixup", "--data", "-"}
	if path, ok := strings.CutPrefix(s.lmtp, "unix:"); ok {
		args = append(args, "--socket", path)
	} else {
		host, port, _ := strings.Cut(s.lmtp, ":")
		args = append(args, "--server", host, "--port", port)
	}
	dotted := strings.ReplaceAll("\n"+text, "\n.", "\n..")[1:]
	r := try(s.t, command("swaks", args...).input(dotted+".")) // swaks adds the line end
	if !strings.Contains(r.stdout, "=== Connected") {
		s.t.Fatalf("swaks: %v", r)
	}
	return r.stdout + r.stderr
}

// answers returns the lines of the server in what swaks has printed.
func answers(said string) (lines []string) {
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "<") {
			lines = append(lines, strings.TrimSpace(line[3:]))
		}
	}
	return lines
}

var trace = regexp.MustCompile(`^Return-Path: <sender@example\.net>\r\nReceived: from client\.example\.net [^\r\n]*(\r\n[ \t][^\r\n]*)*\r\n$`)

// delivered checks that the last message of an INBOX is a message with trace fields before it.
func delivered(s *server, user, text string, count int) {
	s.t.Helper()
	all, _ := s.messages(user, "INBOX")
	if len(all) != count {
		s.t.Fatalf("%s has %d messages, not %d", user, len(all), count)
	}
	body := all[len(all)-1].body
	before, ok := strings.CutSuffix(body, text)
	if !ok {
		s.t.Errorf("%s: the message has changed: %s", user, difference(body[max(0, len(body)-len(text)):], text))
	} else if !trace.MatchString(before) {
		s.t.Errorf("%s: the trace fields are %q", user, before)
	}
}

// TestLMTP delivers by swaks over TCP and over a socket of the file system.
func TestLMTP(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			s := prepareServer(t, "--max-message-size", "400000")
			if network == "unix" {
				s.lmtpAt = "unix:" + filepath.Join(s.dir, "lmtp")
			}
			s.start()
			testRecipients(s)
			testLMTPSize(s)
			if network == "tcp" {
				testLMTPContents(s)
			}
		})
	}
}

// testRecipients sees that each recipient has an answer of its own.
func testRecipients(s *server) {
	t := s.t
	text := "From: sender@example.net\r\nSubject: to several\r\n\r\n.one\r\n..two\r\n.\r\n"
	said := swaks(s, text, anna, "nobody@example.org", "Bert+detail@example.org")
	got := answers(said)
	if n := len(got); n < 4 || !slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, "550 5.1.1") }) {
		t.Errorf("the unknown recipient is not refused:\n%s", said)
	}
	if n := strings.Count(said, "\n<-  250 2.0.0 <"); n != 2 {
		t.Errorf("%d recipients have their message, not 2:\n%s", n, said)
	}
	delivered(s, anna, text, 1)
	delivered(s, bert, text, 1)

	if said := swaks(s, text, "nobody@example.org", "example.org"); strings.Contains(said, "-> DATA") || !strings.Contains(said, "<** 5") {
		t.Errorf("no recipient is known, but:\n%s", said)
	}
	s.restart()
	delivered(s, anna, text, 1)
}

// testLMTPSize sees that the limit is announced and kept.
func testLMTPSize(s *server) {
	line := strings.Repeat("x", 98) + "\r\n"
	said := swaks(s, "Subject: too large\r\n\r\n"+strings.Repeat(line, 4_100), anna)
	if !strings.Contains(said, "SIZE 400000") || !strings.Contains(said, "<** 552 5.3.4") {
		s.t.Errorf("a message over the limit:\n%s", strings.Join(answers(said), "\n"))
	}
	large := "Subject: just not too large\r\n\r\n" + strings.Repeat(line, 3_990)
	swaks(s, large, bert)
	delivered(s, bert, large, 2)
}

// testLMTPContents delivers what is hard to deliver.
func testLMTPContents(s *server) {
	count := 1
	for _, m := range corpus(s.t) {
		text := m.text
		odd := !strings.HasPrefix(m.name, "plain") && len(text) < 300_000 && strings.HasSuffix(text, "\r\n")
		if !odd || toCRLF(text) != text || strings.ContainsRune(text, 0) || strings.Contains(m.name, "/") {
			continue
		}
		said := swaks(s, text, anna)
		if !strings.Contains(said, "\n<-  250 2.0.0 <") {
			s.t.Errorf("%s is not taken:\n%s", m.name, strings.Join(answers(said), "\n"))
			continue
		}
		count++
		delivered(s, anna, text, count)
	}
	if count < 15 {
		s.t.Errorf("only %d messages were tried", count)
	}
}
