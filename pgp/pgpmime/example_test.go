package pgpmime_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

func Example() {
	bob, err := pgp.Generate(pgp.NewKey{Email: "bob@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	mail := "From: anna@example.org\r\nTo: bob@example.org\r\nSubject: the ship\r\n\r\nIt comes at noon.\r\n"

	var encrypted bytes.Buffer
	if err := pgpmime.Encrypt(&encrypted, strings.NewReader(mail), pgp.Encrypter{To: []*pgp.Key{bob.Public()}}, pgpmime.Baseline); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the subject is visible:", strings.Contains(encrypted.String(), "the ship"))

	opened, err := pgpmime.Open(context.Background(), &encrypted, pgp.Decrypter{Keys: []*pgp.Key{bob}})
	if err != nil {
		log.Fatal(err) // nothing of the message has left
	}
	defer opened.Close()
	message, err := io.ReadAll(opened.Message())
	fmt.Println("the same octets come back:", string(message) == mail, err)
	// Output:
	// the subject is visible: false
	// the same octets come back: true <nil>
}
