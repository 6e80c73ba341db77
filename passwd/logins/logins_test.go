package logins

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
)

var noon = time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)

func login(minute int, user, ip, app string, err error) passwd.Event {
	return passwd.Event{Time: noon.Add(time.Duration(minute) * time.Minute), Protocol: "imap", Mechanism: "PLAIN", Remote: &net.TCPAddr{IP: net.ParseIP(ip)}, User: user, App: app, Err: err}
}

func TestLog(t *testing.T) {
	l := New()
	for _, e := range []passwd.Event{
		login(0, "anna", "192.0.2.1", "", nil),
		login(1, "Anna", "192.0.2.2", "phone", nil),
		login(2, "ANNA", "192.0.2.1", "", nil),
		login(3, "anna", "203.0.113.9", "", passwd.ErrCredentials),
		login(4, "no name", "192.0.2.1", "", nil),
		login(5, "bert", "2001:db8::1", "", nil),
	} {
		l.Add(e)
	}
	check := func(l *Log) {
		t.Helper()
		got := ""
		for _, x := range l.Of("Anna") {
			got += fmt.Sprintf("%s %s %q;", x.Time.Format("15:04"), x.Address, x.App)
		}
		if got != `12:02 192.0.2.1 "";12:01 192.0.2.2 "phone";` {
			t.Error(got)
		}
	}
	check(l)
	path := filepath.Join(t.TempDir(), "logins")
	if err := l.Save(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	check(again)
	if last, ok := LastOf(again.Of("anna"), "phone"); !ok || last.Address != netip.MustParseAddr("192.0.2.2") {
		t.Errorf("%v, %v", last, ok)
	}
	if _, ok := LastOf(again.Of("anna"), "printer"); ok {
		t.Error("a password that was not used")
	}
	again.Forget("anna")
	if len(again.Of("anna")) > 0 || len(again.Of("bert")) != 1 {
		t.Error("forgot the wrong ones")
	}
	for _, damaged := range []string{"", "{", `{"version":2}`} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err := Load(path); err == nil || l == nil {
			t.Errorf("%q is accepted", damaged)
		}
	}
	if l, err := Load(path + "none"); err != nil || l == nil {
		t.Error(err)
	}
}

func TestBounded(t *testing.T) {
	l := New()
	for i := range 100 {
		l.Add(login(i, "anna", fmt.Sprintf("192.0.2.%d", i), "", nil))
	}
	if list := l.Of("anna"); len(list) != maxLogins || list[0].Address.String() != "192.0.2.99" {
		t.Errorf("%d, %v", len(list), list[0])
	}
	for i := range maxUsers {
		l.Add(login(0, fmt.Sprint("user", i), "192.0.2.1", "", nil))
	}
	if len(l.byUser) != maxUsers {
		t.Errorf("%d users", len(l.byUser))
	}
}
