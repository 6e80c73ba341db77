package main

import (
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"
)

func TestTrace(t *testing.T) {
	when := time.Date(2026, 11, 23, 22, 4, 5, 0, time.FixedZone("", 3600))
	v4 := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25}
	for _, c := range []struct {
		e    envelope
		want string
	}{
		{envelope{from: "bob@example.net", to: "anna@example.org", helo: "client.example.net", peer: v4, host: "mx", id: "1", when: when},
			"Return-Path: <bob@example.net>\r\nReceived: from client.example.net ([192.0.2.1])\r\n\tby mx with LMTP id 1\r\n" +
				"\tfor <anna@example.org>;\r\n\tMon, 23 Nov 2026 22:04:05 +0100\r\n"},
		{envelope{helo: "[IPv6:::1]", peer: &net.TCPAddr{IP: net.IPv6loopback}, host: "mx", id: "2", when: when, utf8: true},
			"Return-Path: <>\r\nReceived: from [IPv6:::1] ([IPv6:::1])\r\n\tby mx with UTF8LMTP id 2;\r\n\tMon, 23 Nov 2026 22:04:05 +0100\r\n"},
		{envelope{from: `a "b\@example.net`, helo: "x)\r\nEvil: yes", peer: &net.UnixAddr{}, host: "mx", id: "3", when: when},
			`Return-Path: <"a \"b\\"@example.net>` + "\r\nReceived: from unknown (local)\r\n\tby mx with LMTP id 3;\r\n\tMon, 23 Nov 2026 22:04:05 +0100\r\n"},
		{envelope{from: "a@b\r\nEvil: yes", to: "jürgen@bücher.example", helo: "h", peer: v4, host: "mx", id: "4", when: when},
			"Return-Path: <>\r\nReceived: from h ([192.0.2.1])\r\n\tby mx with LMTP id 4\r\n\tfor <jürgen@bücher.example>;\r\n\tMon, 23 Nov 2026 22:04:05 +0100\r\n"},
	} {
		if got := c.e.trace(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

// FuzzTrace: whatever a client says, there are two fields and nothing more.
func FuzzTrace(f *testing.F) {
	f.Add("bob@example.net", "anna@example.org", "client")
	f.Add("a\r\nb@c", "\"<>\"@[1.2.3.4]", "x)\r\n")
	f.Add("ü@ü", "a(b)@c", "[IPv6:::1]")
	f.Fuzz(func(t *testing.T, from, to, helo string) {
		e := envelope{from: from, to: to, helo: helo, peer: &net.TCPAddr{IP: net.IPv6loopback}, host: "mx", id: "1", when: time.Now()}
		text := e.trace()
		m, err := mail.ReadMessage(strings.NewReader(text + "\r\n"))
		if err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		if len(m.Header) != 2 || len(m.Header["Return-Path"]) != 1 || len(m.Header["Received"]) != 1 {
			t.Errorf("fields %v in %q", m.Header, text)
		}
		if n := strings.Count(text, "\n"); n != strings.Count(text, "\r\n") || n != strings.Count(text, "\r") || n > 5 {
			t.Errorf("line ends in %q", text)
		}
		if _, rest := splitTrace(text + "Subject: x\r\n"); rest != "Subject: x\r\n" {
			t.Errorf("more than two fields: %q", text)
		}
	})
}
