package autocrypt_test

import (
	"bytes"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/autocrypt"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

// The examples are no part of this project: they are in doc/appendix of github.com/autocrypt/autocrypt.
var examples = flag.String("autocrypt.examples", "", "folder with the examples of the specification")

// TestExamples reads all examples of the specification: its header, the setup message with its code, and with the keys of Alice and Bob the gossip and the draft.
func TestExamples(t *testing.T) {
	if *examples == "" {
		t.Skip("-autocrypt.examples names no folder")
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(*examples, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n", "\r\n")
	}
	parse := func(text string) *mail.Message {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	simple := parse(read("example-simple-autocrypt.eml"))
	h, err := autocrypt.Select(simple.Header["Autocrypt"], "alice@autocrypt.example")
	if err != nil || !h.Mutual {
		t.Fatalf("header: %+v, %v", h, err)
	}

	setup := parse(read("example-setup-message.eml"))
	_, params, err := mime.ParseMediaType(setup.Header.Get("Content-Type"))
	if err != nil || setup.Header.Get("Autocrypt-Setup-Message") != "v1" {
		t.Fatalf("setup message: %v", err)
	}
	parts := multipart.NewReader(setup.Body, params["boundary"])
	var alice *pgp.Key
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if part.Header.Get("Content-Type") != "application/autocrypt-setup" {
			continue
		}
		var mutual bool
		if alice, mutual, err = autocrypt.ReadSetup(t.Context(), part, "1742-0185-6197-1303-7016-8412-3581-4441-0597"); err != nil || !mutual {
			t.Fatalf("setup message: %v", err)
		}
	}
	keys, err := pgp.ReadKeys(strings.NewReader(read("example-setup-message-cleartext.key")))
	if err != nil || alice == nil || !bytes.Equal(alice.Bytes(), keys[0].Bytes()) || alice.Fingerprint() != h.Key.Fingerprint() {
		t.Fatalf("the key in the setup message: %v", err)
	}

	bob, err := pgp.ReadKeys(strings.NewReader(read("bob@autocrypt.example.sec.asc")))
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) *mail.Message {
		o, err := pgpmime.Open(t.Context(), strings.NewReader(read(name)), pgp.Decrypter{Keys: append(bob, alice)})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Cleanup(func() { o.Close() })
		text, err := io.ReadAll(o.Entity())
		if err != nil {
			t.Fatal(err)
		}
		return parse(string(text))
	}
	gossip := autocrypt.SelectGossip(open("example-gossip.eml").Header["Autocrypt-Gossip"], []string{"bob@autocrypt.example", "carol@autocrypt.example", "dave@autocrypt.example"})
	if len(gossip) != 2 {
		t.Fatalf("gossip: %d headers", len(gossip))
	}
	for i, name := range []string{"bob", "carol"} {
		want, err := pgp.ReadKeys(strings.NewReader(read(name + "@autocrypt.example.pub.asc")))
		if err != nil || gossip[i].Addr != name+"@autocrypt.example" || gossip[i].Key.Fingerprint() != want[0].Fingerprint() {
			t.Errorf("gossip about %s: %+v, %v", name, gossip[i], err)
		}
	}
	open("example-draft.eml")
}
