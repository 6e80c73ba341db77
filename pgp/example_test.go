package pgp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"

	"github.com/mailhavn/mailhavn/pgp"
)

func Example() {
	bob, err := pgp.Generate(pgp.NewKey{Name: "Bob", Email: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}

	var message bytes.Buffer
	w, err := pgp.Encrypter{To: []*pgp.Key{bob.Public()}}.Encrypt(&message)
	if err != nil {
		log.Fatal(err) // for instance a *pgp.KeyError that says that the key has expired
	}
	fmt.Fprint(w, "The ship comes at noon.")
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	m, err := pgp.Decrypter{Keys: []*pgp.Key{bob}}.Decrypt(context.Background(), &message)
	if err != nil {
		log.Fatal(err) // nothing has left
	}
	defer m.Close()
	text, err := io.ReadAll(m.Reader())
	fmt.Println(string(text), err)
	// Output: The ship comes at noon. <nil>
}
