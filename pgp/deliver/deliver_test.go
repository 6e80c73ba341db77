package deliver_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/deliver"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

var (
	long = flag.Bool("pgp.long", false, "run the long forms of tests")
	ctx  = context.Background()
	keys = sync.OnceValues(func() (anna, bob *pgp.Key) {
		anna, err1 := pgp.Generate(pgp.NewKey{Email: "anna@example.org"})
		bob, err2 := pgp.Generate(pgp.NewKey{Email: "bob@example.org"})
		if err := errors.Join(err1, err2); err != nil {
			panic(err)
		}
		return anna, bob
	})
)

const mail = "Received: from a by b\r\nFrom: Bob <bob@example.org>\r\nTo: anna@example.org\r\nSubject: secret\r\nMessage-ID: <1@x>\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n\r\nThe ship comes at noon.\r\n"

func run(t *testing.T, p deliver.Policy, message string) (string, deliver.Outcome) {
	t.Helper()
	var out bytes.Buffer
	outcome, err := p.Deliver(ctx, &out, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), outcome
}

func encrypted(t testing.TB, to ...*pgp.Key) string {
	t.Helper()
	var out bytes.Buffer
	if err := pgpmime.Encrypt(&out, strings.NewReader(mail), pgp.Encrypter{To: to}, nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func armored(t testing.TB, text string, to ...*pgp.Key) string {
	t.Helper()
	var out bytes.Buffer
	w, err := pgp.Encrypter{To: to}.Encrypt(&out)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// PG5: what is encrypted to the owner passes, whatever only claims to be is encrypted. Either way the owner gets the same octets.
func TestDeliver(t *testing.T) {
	anna, bob := keys()
	policy := deliver.Policy{To: []*pgp.Key{anna.Public()}}
	ours := encrypted(t, bob, anna)
	const multipart = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n"
	data := armored(t, "hello", anna)
	for _, test := range []struct {
		name, message string
		want          deliver.Action
	}{
		{"clear", mail, deliver.Encrypted},
		{"empty", "", deliver.Encrypted},
		{"no header", "hello", deliver.Encrypted},
		{"to the owner", ours, deliver.Passed},
		{"to the owner, inline", "Subject: x\r\n\r\n" + data, deliver.Passed},
		{"to somebody else", encrypted(t, bob), deliver.Encrypted},
		{"signed", "Subject: x\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nhello\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n-----END PGP SIGNATURE-----\r\n", deliver.Encrypted},
		{"only the type", strings.Replace(multipart, "--b", "The ship comes at noon.\r\n--b", 1), deliver.Encrypted},
		{"only the beginning of armor", "Subject: x\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nThe ship comes at noon.\r\n-----END PGP MESSAGE-----\r\n", deliver.Encrypted},
		{"text before", strings.Replace(ours, "--pgp-", strings.Repeat("The ship comes at noon.\r\n", 20)+"--pgp-", 1), deliver.Encrypted},
		{"text after", ours + strings.Repeat("The ship comes at noon.\r\n", 20), deliver.Encrypted},
		{"a part more", multipart + data + "--b\r\n\r\nThe ship comes at noon.\r\n--b--\r\n", deliver.Encrypted},
		{"cut", multipart + data[:len(data)/2], deliver.Encrypted},
		{"text in the armor", multipart + strings.Replace(data, "\n\n", "\nComment: "+strings.Repeat("noon ", 100)+"\n\n", 1) + "\r\n--b--\r\n", deliver.Encrypted},
		{"text after the armor", multipart + data + "The ship comes at noon.\r\n--b--\r\n", deliver.Encrypted},
		{"two armors", multipart + data + "The ship comes at noon.\r\n" + data + "\r\n--b--\r\n", deliver.Encrypted},
		{"inline, text after", "Subject: x\r\n\r\n" + data + "The ship comes at noon.", deliver.Encrypted},
	} {
		stored, outcome := run(t, policy, test.message)
		if outcome.Action != test.want || outcome.Reason != nil {
			t.Errorf("%s: %v", test.name, outcome)
			continue
		}
		if outcome.Action == deliver.Passed && stored != test.message {
			t.Errorf("%s: what passed was changed", test.name)
		}
		if strings.Contains(stored, "noon.") || strings.Contains(stored, "noon ") {
			t.Errorf("%s: text in clear", test.name)
		}
		if outcome.Action == deliver.Encrypted {
			o, err := pgpmime.Open(ctx, strings.NewReader(stored), pgp.Decrypter{Keys: []*pgp.Key{anna}})
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			if got, _ := io.ReadAll(o.Message()); string(got) != test.message {
				t.Errorf("%s: became %q", test.name, got)
			}
			o.Close()
			// And once more: what we encrypted is encrypted to the owner.
			if again, outcome := run(t, policy, stored); outcome.Action != deliver.Passed || again != stored {
				t.Errorf("%s: delivered again: %v", test.name, outcome)
			}
		}
	}
}

func TestVisible(t *testing.T) {
	anna, _ := keys()
	for _, test := range []struct {
		name            string
		policy          pgpmime.Policy
		visible, hidden []string
	}{
		{"Minimal", nil, []string{"From: Bob <bob@", "Message-ID", "Subject: [...]"}, []string{"secret", "Received"}},
		{"Hidden", deliver.Hidden, []string{"Date:", "From: [...]"}, []string{"secret", "bob@", "Message-ID", "anna@"}},
		{"ShowAll", pgpmime.ShowAll, []string{"Received", "Subject: secret"}, nil},
	} {
		stored, _ := run(t, deliver.Policy{To: []*pgp.Key{anna}, Visible: test.policy}, mail)
		for _, text := range test.visible {
			if !strings.Contains(stored, text) {
				t.Errorf("%s: %q is not visible", test.name, text)
			}
		}
		for _, text := range append(test.hidden, "noon") {
			if strings.Contains(stored, text) {
				t.Errorf("%s: %q is visible", test.name, text)
			}
		}
	}
}

// Without a usable key nothing is stored in clear, unless the host says so, and then it is told.
func TestFailure(t *testing.T) {
	anna, _ := keys()
	revoked, err := anna.Revoke(pgp.RevokedCompromised, "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string][]*pgp.Key{"no key": nil, "a revoked key": {anna, revoked}} {
		for failure, temporary := range map[deliver.Failure]bool{deliver.Retry: true, deliver.Reject: false} {
			var out bytes.Buffer
			outcome, err := deliver.Policy{To: to, OnFailure: failure}.Deliver(ctx, &out, strings.NewReader(mail))
			var refused *deliver.Error
			if !errors.As(err, &refused) || refused.Temporary() != temporary || out.Len() > 0 || outcome.Action != deliver.Nothing {
				t.Errorf("%s: %v, %v, %d octets", name, outcome, err, out.Len())
			}
		}
		stored, outcome := run(t, deliver.Policy{To: to, OnFailure: deliver.Clear}, mail)
		if stored != mail || outcome.Action != deliver.InClear || outcome.Reason == nil {
			t.Errorf("%s: %v", name, outcome)
		}
	}
	broken := errors.New("the connection is gone")
	_, err = deliver.Policy{To: []*pgp.Key{anna}}.Deliver(ctx, io.Discard, io.MultiReader(strings.NewReader(mail), failing{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("a broken connection: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err = (deliver.Policy{To: []*pgp.Key{anna}}).Deliver(ended, io.Discard, strings.NewReader(mail)); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// PG5: memory does not grow with the message.
func TestMemory(t *testing.T) {
	anna, _ := keys()
	size := int64(64 << 20)
	switch {
	case *long:
		size = 1 << 30
	case testing.Short():
		t.Skip("memory under the race detector tells nothing")
	}
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := uint64(0)
	sample := sampler(func() {
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapInuse)
	})
	start := time.Now()
	outcome, err := deliver.Policy{To: []*pgp.Key{anna}}.Deliver(ctx, sample, io.MultiReader(strings.NewReader("Subject: x\r\n\r\n"), io.LimitReader(zeros{}, size)))
	if err != nil || outcome.Action != deliver.Encrypted {
		t.Fatalf("%v, %v", outcome, err)
	}
	grown := (int64(peak) - int64(before.HeapInuse)) >> 10
	t.Logf("%d MiB: %d KiB more memory, %.0f MB/s", size>>20, grown, float64(size)/1e6/time.Since(start).Seconds())
	if grown > 8<<10 {
		t.Errorf("%d KiB more memory for a message of %d MiB", grown, size>>20)
	}
}

type sampler func()

func (s sampler) Write(p []byte) (int, error) {
	s()
	return len(p), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func Example() {
	anna, err := pgp.Generate(pgp.NewKey{Email: "anna@example.org"})
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := deliver.Policy{To: []*pgp.Key{anna.Public()}}
	var stored bytes.Buffer
	outcome, err := policy.Deliver(context.Background(), &stored, strings.NewReader("From: bob@example.org\r\nSubject: secret\r\n\r\nThe ship comes at noon.\r\n"))
	fmt.Println(outcome.Action == deliver.Encrypted, err, strings.Contains(stored.String(), "noon"))
	// Output: true <nil> false
}

// faultyWriter fails after some octets.
type faultyWriter struct {
	bytes.Buffer
	left int
}

var errFull = errors.New("full")

func (w *faultyWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFull
	}
	return w.Buffer.Write(p)
}

// Writer does what Deliver does, however the message is cut into pieces, and ends wherever it is given up.
func TestWriter(t *testing.T) {
	anna, bob := keys()
	policy := deliver.Policy{To: []*pgp.Key{anna.Public()}}
	for name, test := range map[string]struct {
		message string
		want    deliver.Action
	}{
		"clear":      {mail + strings.Repeat("The ship comes at noon.\r\n", 5_000), deliver.Encrypted},
		"empty":      {"", deliver.Encrypted},
		"encrypted":  {encrypted(t, anna), deliver.Passed},
		"to another": {encrypted(t, bob), deliver.Encrypted},
	} {
		for _, size := range []int{1, 1000, 1 << 20} {
			var out bytes.Buffer
			w, err := policy.Writer(&out)
			if err != nil {
				t.Fatal(err)
			}
			for piece := range slices.Chunk([]byte(test.message), size) {
				if n, err := w.Write(piece); n != len(piece) || err != nil {
					t.Fatalf("%s: %d, %v", name, n, err)
				}
				clear(piece) // it is not kept
			}
			if err := errors.Join(w.Close(), w.Close()); err != nil || w.Outcome().Action != test.want {
				t.Errorf("%s: %v, %v", name, w.Outcome(), err)
			}
			if n, err := w.Write([]byte("x")); n != 0 || err == nil {
				t.Errorf("%s: written to after Close", name)
			}
			if test.want == deliver.Passed {
				if out.String() != test.message {
					t.Errorf("%s: changed", name)
				}
				continue
			}
			o, err := pgpmime.Open(ctx, &out, pgp.Decrypter{Keys: []*pgp.Key{anna}})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, _ := io.ReadAll(o.Message()); string(got) != test.message {
				t.Errorf("%s: %.200q", name, got)
			}
			o.Close()
		}
	}

	before := runtime.NumGoroutine()
	long := []byte(mail + strings.Repeat("The ship comes at noon.\r\n", 20_000))
	for _, left := range []int{0, 1000, 300_000} {
		w, err := policy.Writer(&faultyWriter{left: left})
		if err != nil {
			t.Fatal(err)
		}
		var failed error
		for piece := range slices.Chunk(long, 10_000) {
			if _, failed = w.Write(piece); failed != nil {
				break
			}
		}
		if err := w.Close(); !errors.Is(err, errFull) || failed != nil && !errors.Is(failed, errFull) {
			t.Errorf("full after %d octets: %v, then %v", left, failed, err)
		}
	}
	w, _ := policy.Writer(io.Discard) // given up before it began
	w.Close()
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}

	for _, failure := range []deliver.Failure{deliver.Retry, deliver.Reject} {
		var refused *deliver.Error
		_, err := deliver.Policy{OnFailure: failure}.Writer(io.Discard)
		if !errors.As(err, &refused) || refused.Temporary() != (failure == deliver.Retry) {
			t.Errorf("%v", err)
		}
	}
	var out bytes.Buffer
	w, err := deliver.Policy{OnFailure: deliver.Clear}.Writer(&out)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, mail)
	if err := w.Close(); err != nil || out.String() != mail || w.Outcome().Action != deliver.InClear || w.Outcome().Reason == nil {
		t.Errorf("%v, %v", w.Outcome(), err)
	}
}
