package throttle

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
)

var many = flag.Int("throttle.many", 20_000, "addresses of an attack; the goals say a million")

var noon = time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)

func from(ip string) net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 1))
}

// try makes an attempt with the given outcome and reports whether it was let through.
func try(g *Guard, at time.Time, ip net.Addr, user, password string, outcome error) bool {
	_, end, err := g.Begin(passwd.Attempt{Time: at, Remote: ip, User: user, Password: password})
	if err != nil {
		return false
	}
	end(outcome)
	return true
}

var wrong = passwd.ErrCredentials

// attack guesses for a day, as fast as it is let, and returns how often it was let through.
func attack(g *Guard, tries int, ip func(i int) net.Addr, user func(i int) string) (through int) {
	for i := range tries {
		at := noon.Add(time.Duration(i) * 11 * time.Hour / time.Duration(tries))
		if try(g, at, ip(i), user(i), fmt.Sprint("guess", i), wrong) {
			through++
		}
	}
	return through
}

func fixed[T any](v T) func(int) T { return func(int) T { return v } }

func TestAttacks(t *testing.T) {
	v6 := func(i int) net.Addr { // in one /64
		ip := netip.MustParseAddr("2001:db8:1:2::").As16()
		binary.BigEndian.PutUint64(ip[8:], uint64(i))
		return from(netip.AddrFrom16(ip).String())
	}
	everywhere := func(i int) net.Addr {
		return from(netip.AddrFrom4([4]byte{byte(1 + i%200), byte(i >> 3), byte(i >> 11), 1}).String())
	}
	victim, spray := fixed("anna"), func(i int) string { return fmt.Sprint("user", i) }
	for _, test := range []struct {
		name  string
		tries int
		ip    func(int) net.Addr
		user  func(int) string
		most  int
	}{
		{"one address, one account", 10_000, fixed(from("192.0.2.1")), victim, 50},
		{"addresses of a /64", *many, v6, victim, 50},
		{"addresses of a /64, spraying", *many, v6, spray, 50},
		{"slow spray from one address", 10_000, fixed(from("192.0.2.1")), spray, 50},
		{"distributed, one account", *many, everywhere, victim, 94},
	} {
		g := New()
		n := attack(g, test.tries, test.ip, test.user)
		t.Logf("%s: %d of %d guesses", test.name, n, test.tries)
		if n > test.most || n == 0 {
			t.Errorf("%s: %d guesses, at most %d", test.name, n, test.most)
		}
	}
}

// The owner is not locked out of his known places, whatever happens, and has a chance elsewhere.
func TestOwnerIsLetIn(t *testing.T) {
	g := New()
	home, cafe := from("198.51.100.7"), from("203.0.113.9")
	if !try(g, noon, home, "anna", "secret", nil) {
		t.Fatal("first login refused")
	}
	for i := range 5000 {
		try(g, noon.Add(time.Duration(i)*time.Second), from(fmt.Sprintf("10.%d.%d.1", i>>8, i&255)), "anna", fmt.Sprint(i), wrong)
		try(g, noon.Add(time.Duration(i)*time.Second), from("198.51.100.8"), "other", fmt.Sprint(i), wrong) // a bad neighbour
	}
	now := noon.Add(5000 * time.Second)
	if !try(g, now, home, "anna", "secret", nil) {
		t.Error("the owner is locked out at home")
	}
	if try(g, now, cafe, "anna", "secret", nil) {
		t.Error("the account's limit does not hold for strangers")
	}
	if !try(g, now.Add(61*time.Minute), cafe, "anna", "secret", nil) {
		t.Error("the owner is locked out elsewhere for more than an hour")
	}
	for remote, want := range map[string]bool{"198.51.100.7": true, "198.51.100.8": false} {
		if known, _, err := g.Begin(passwd.Attempt{Time: now, Remote: from(remote), User: "anna"}); known != want || known && err != nil {
			t.Errorf("%s: known %v, %v", remote, known, err)
		}
	}
	if d := g.Devices("anna"); len(d) != 2 {
		t.Errorf("devices %v", d)
	}
	g.Forget("anna")
	if d := g.Devices("anna"); len(d) != 0 {
		t.Errorf("devices %v", d)
	}
}

// A known device is no way to guess without end either.
func TestKnownDeviceIsLimited(t *testing.T) {
	g := New()
	try(g, noon, from("192.0.2.1"), "anna", "secret", nil)
	if n := attack(g, 10_000, fixed(from("192.0.2.1")), fixed("anna")); n > 100 {
		t.Errorf("%d guesses", n)
	}
}

func TestSamePasswordCountsOnce(t *testing.T) {
	g := New()
	phone := from("192.0.2.1")
	for i := range 1000 { // every 30 seconds
		if !try(g, noon.Add(time.Duration(i)*30*time.Second), phone, "anna", "old password", wrong) {
			t.Fatalf("refused the %dth time", i)
		}
	}
	if !try(g, noon.Add(time.Hour), phone, "anna", "secret", nil) {
		t.Error("then the right one is refused")
	}
	flood := 0
	for range 1000 { // in one minute
		if try(g, noon.Add(2*time.Hour), from("192.0.2.2"), "anna", "old password", wrong) {
			flood++
		}
	}
	if flood > 10 {
		t.Errorf("%d in a minute", flood)
	}
}

func TestWhatDoesNotCount(t *testing.T) {
	g := New()
	for i := range 500 {
		at := noon.Add(time.Duration(i) * time.Minute)
		if !try(g, at, from("192.0.2.1"), "anna", fmt.Sprint(i), passwd.ErrBusy) || !try(g, at, from("192.0.2.1"), "bob", "secret", nil) {
			t.Fatalf("refused the %dth time", i)
		}
	}
}

// Counts are taken when attempts begin.
func TestManyAtATime(t *testing.T) {
	g := New()
	var mu sync.Mutex
	var ends []func(error)
	var wait sync.WaitGroup
	for i := range 200 {
		wait.Go(func() {
			if _, end, err := g.Begin(passwd.Attempt{Time: noon, Remote: from("192.0.2.1"), User: "anna", Password: fmt.Sprint(i)}); err == nil {
				mu.Lock()
				defer mu.Unlock()
				ends = append(ends, end)
			} else if !errors.Is(err, passwd.ErrThrottled) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if len(ends) != 10 {
		t.Errorf("%d began", len(ends))
	}
	for _, end := range ends {
		end(nil)
	}
	if !try(g, noon, from("192.0.2.1"), "anna", "secret", nil) {
		t.Error("refused after successes")
	}
}

func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "throttle")
	g, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	today := time.Now()
	try(g, today, from("198.51.100.7"), "anna", "secret", nil)
	for i := range 200 {
		try(g, today.Add(-time.Duration(i)*time.Millisecond), from("192.0.2.1"), "anna", fmt.Sprint(i), wrong)
	}
	for range 2 {
		if err := g.Save(path); err != nil {
			t.Fatal(err)
		}
		if g, err = Load(path); err != nil {
			t.Fatal(err)
		}
	}
	if try(g, today, from("192.0.2.1"), "anna", "more", wrong) {
		t.Error("the restart forgave")
	}
	if len(g.Devices("anna")) != 1 {
		t.Error("the restart forgot a device")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{data[:len(data)/2], append([]byte("x"), data...), nil, append(data[:len(data)-9:len(data)-9], "xxxxxxxxx"...)} {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if g, err := Load(path); err == nil || g == nil {
			t.Errorf("%d of %d bytes are accepted", len(damaged), len(data))
		}
	}
}

// The tables have a fixed size, and what has many failures stays in them while others come and go.
func TestBounded(t *testing.T) {
	size := 16 * (networkSlots + accountSlots + pairSlots + wrongSlots)
	if size > 64<<20 {
		t.Errorf("%d bytes", size)
	}
	g := New()
	attack(g, 100, fixed(from("192.0.2.1")), fixed("anna"))
	for i := range 30_000 {
		try(g, noon.Add(11*time.Hour), from(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()), fmt.Sprint("user", i), "x", wrong)
	}
	if try(g, noon.Add(11*time.Hour), from("192.0.2.1"), "bert", "x", wrong) {
		t.Error("forgotten")
	}
}
