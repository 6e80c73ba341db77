package main

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/passwd"
)

// The filter for fail2ban finds the address in the lines that we write, and in no others.
func TestFail2ban(t *testing.T) {
	filter, err := os.ReadFile("contrib/fail2ban/mailhavn.conf")
	if err != nil {
		t.Fatal(err)
	}
	_, expression, ok := strings.Cut(string(filter), "\nfailregex = ")
	if !ok {
		t.Fatal("no failregex")
	}
	expression, _, _ = strings.Cut(expression, "\n")
	find := regexp.MustCompile(strings.ReplaceAll(expression, "<ADDR>", `([0-9a-fA-F.:]+)`))
	for _, test := range []struct {
		user, ip string
		err      error
		want     string
	}{
		{"anna", "192.0.2.1", passwd.ErrCredentials, "192.0.2.1"},
		{"anna", "2001:db8::1", passwd.ErrThrottled, "2001:db8::1"},
		{"anna", "192.0.2.1", nil, ""},
		{"anna", "192.0.2.1", passwd.ErrBusy, ""},
		{"x\nlevel=INFO msg=\"login failed\" address=198.51.100.1 protocol=imap", "192.0.2.1", passwd.ErrCredentials, "192.0.2.1"},
		{`x" level=INFO msg="login failed" address=198.51.100.1 protocol=imap`, "192.0.2.1", passwd.ErrBusy, ""},
	} {
		var log bytes.Buffer
		a := &auth{logger: slog.New(slog.NewTextHandler(&log, nil))}
		a.log(passwd.Event{Protocol: "imap", Mechanism: "PLAIN", Remote: &net.TCPAddr{IP: net.ParseIP(test.ip), Port: 1}, User: test.user, Err: test.err})
		got := ""
		for line := range strings.Lines(log.String()) {
			if m := find.FindStringSubmatch(line); m != nil {
				got += m[1]
			}
		}
		if got != test.want {
			t.Errorf("%+v: %q in %q", test, got, log.String())
		}
	}
}
