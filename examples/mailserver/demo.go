package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/tlspolicy"
)

// demoAccount is an address, so that it can log in, send and receive under one name.
const demoAccount = "demo@localhost"

// demoCommand is what runs without a command.
type demoCommand struct{ serveCommand }

// Run serves, after making an account where there is none, and says how to look at it.
func (x *demoCommand) Run(c *console) error {
	s, err := x.settings.resolve(x.Config)
	if err != nil {
		return err
	}
	if x.LogLevel == "" {
		s.LogLevel = "warn" // the demonstration talks to a person
	}
	return serve(c, s, prepareDemo)
}

// prepareDemo makes the demonstration account in a data folder without accounts, and returns what to tell the person.
func prepareDemo(srv *server) (string, error) {
	ctx := context.Background()
	a := &admin{store: srv.store}
	states, err := a.states()
	if err != nil {
		return "", err
	}
	password := ""
	if len(states) == 0 {
		password = passwd.Generate()
		if err := a.add(ctx, request{Name: demoAccount, Password: password}, func(string) {}); err != nil {
			return "", err
		}
		if err := welcome(ctx, srv.store.unit); err != nil {
			return "", err
		}
		states[demoAccount] = string(passwd.Active)
	}
	return demoText(srv, states, password), nil
}

// welcome puts the first message into the demonstration account.
func welcome(ctx context.Context, u *storage.Unit) error {
	account, err := u.OpenAccount(ctx, demoAccount)
	if err != nil {
		return err
	}
	defer account.Close()
	inbox, err := account.Mailbox("INBOX")
	if err != nil {
		return err
	}
	body := account.NewBody()
	defer body.Close()
	text := fmt.Sprintf(welcomeMessage, time.Now().Format(time.RFC1123Z), storage.NewID())
	if _, err := io.WriteString(body, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		return err
	}
	_, err = inbox.Append(ctx, storage.NewMessage{Body: body})
	return err
}

const welcomeMessage = `From: mailhavn <postmaster@localhost>
To: demo@localhost
Subject: Welcome to mailhavn
Date: %s
Message-ID: <%s@localhost>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Hello,

this message lies in a maildir on your disk, under a log that made it
durable before anybody was told that it is there. You are reading it
over forward-secret TLS.

Things to try: flag it, file it, delete it, from two mail programs at
once; deliver another one by LMTP; stop the server in any way you like
and start it again.
`

// demoText says what to type.
func demoText(srv *server, states map[string]string, password string) string {
	flags := ""
	if usual, err := dataFolder(""); err != nil || usual != srv.store.dir {
		flags = " --data " + shellQuote(srv.store.dir)
	}
	command := func(words string) string { return invocation() + " " + words + flags }
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("\nmailhavn serves a demonstration. Its data is in %s", srv.store.dir)
	name := demoAccount
	switch {
	case password != "":
		line("\n  account   %s\n  password  %s\n", name, password)
		line("The password is shown this once. A new one: %s", command("account passwd "+name))
	case states[demoAccount] != "":
		line("\n  account   %s, made at the first start\n", name)
		line("Its password cannot be shown again. A new one: %s", command("account passwd "+name))
	default:
		name = "NAME"
		line("\nIt has accounts of yours: %s", command("account list"))
	}
	line("More accounts: %s", command("account add you@example.org"))
	demoClients(srv, name, line)
	line("\nCtrl-C ends it; nothing is lost.")
	return b.String()
}

// demoClients writes commands that work when they are pasted.
func demoClients(srv *server, name string, line func(string, ...any)) {
	addrs := map[string]string{}
	for _, x := range srv.services {
		addrs[x.name] = addressOf(x.listener)
	}
	ca := shellQuote(filepath.Join(srv.store.dir, tlsFolder, tlspolicy.SelfSignedCert))
	if srv.settings.Cert != "" {
		ca = shellQuote(srv.settings.Cert)
	}
	if addr, ok := addrs["imaps"]; ok {
		host, port, _ := net.SplitHostPort(addr)
		line("\nIn a mail program: IMAP, server %s, port %s, SSL/TLS, normal password, user %s.", host, port, name)
		line("It asks whether to trust the certificate, which is self-signed: %s", ca)
		line("\nIn a terminal:\n")
		line("  curl --cacert %s -u %s 'imaps://%s/INBOX;MAILINDEX=1'", ca, name, addr)
		line("  mutt -e %s -f imaps://%s@%s/INBOX", shellQuote("set certificate_file="+ca), strings.ReplaceAll(name, "@", "%40"), addr)
		line("  openssl s_client -quiet -crlf -verify_return_error -CAfile %s -connect %s", ca, addr)
		line("      and there: a login %s PASSWORD", name)
		line("                 b select inbox")
		line("                 c fetch 1:* (flags envelope)")
		line("                 d logout")
	}
	if addr, ok := addrs["lmtp"]; ok && !strings.HasPrefix(addr, "unix:") {
		line("\nDeliver a message:\n\n  swaks --protocol LMTP --server %s --to %s", addr, name)
	}
}

// invocation is how the person has started this program.
func invocation() string {
	if strings.Contains(os.Args[0], string(filepath.Separator)+"go-build") {
		return "go run ./examples/mailserver"
	}
	return shellQuote(os.Args[0])
}

// shellQuote returns a word as one can type it into a shell.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+=:@%,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
