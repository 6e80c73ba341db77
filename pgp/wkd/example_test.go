package wkd_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/wkd"
)

func ExampleDirectory() {
	anna, err := pgp.Generate(pgp.NewKey{Email: "anna@example.org"})
	if err != nil {
		log.Fatal(err)
	}
	var directory wkd.Directory
	if err := directory.Publish("anna@example.org", time.Now(), anna); err != nil {
		log.Fatal(err)
	}
	http.Handle("/.well-known/openpgpkey/", &directory)
}

func ExampleClient() {
	keys, err := wkd.Client{}.Lookup(context.Background(), "anna@example.org")
	if errors.Is(err, wkd.ErrNotFound) {
		fmt.Println("the domain publishes no key")
		return
	} else if err != nil {
		log.Fatal(err) // nobody knows
	}
	fmt.Println(keys[0].Fingerprint(), keys[0].CanEncrypt(time.Now()))
}
