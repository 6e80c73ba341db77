package deliver_test

import (
	"bytes"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/deliver"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

// FuzzDeliver takes in any message, in pieces of any size: the owner gets its octets back, and what passed as it is was encrypted to him.
func FuzzDeliver(f *testing.F) {
	text, err := os.Open("../testdata/fuzz.key")
	if err != nil {
		f.Fatal(err)
	}
	owner, err := pgp.ReadKeys(text)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(mail), uint16(10))
	f.Add([]byte(encrypted(f, owner...)), uint16(1000))
	f.Add([]byte("Subject: x\r\n\r\n"+armored(f, "hello", owner...)), uint16(1))
	f.Fuzz(func(t *testing.T, message []byte, size uint16) {
		var out bytes.Buffer
		w, err := deliver.Policy{To: owner}.Writer(&out)
		if err != nil {
			t.Fatal(err)
		}
		for piece := range slices.Chunk(message, int(size)+1) {
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		stored := out.String()
		o, err := pgpmime.Open(ctx, &out, pgp.Decrypter{Keys: owner, MaxSize: 1 << 20})
		if w.Outcome().Action == deliver.Passed {
			if stored != string(message) {
				t.Errorf("passed, but changed: %q became %q", message, stored)
			}
			if i, err := pgpmime.Inspect(ctx, bytes.NewReader(message)); err != nil || !i.For(owner[0]) {
				t.Errorf("passed, but is not encrypted to the owner: %q, %v", message, err)
			}
			if err == nil {
				o.Close()
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", message, err)
		}
		defer o.Close()
		if got, _ := io.ReadAll(o.Message()); string(got) != string(message) {
			t.Errorf("%q became %q", message, got)
		}
	})
}
