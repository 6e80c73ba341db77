package certs_test

import (
	"fmt"
	"log"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/certs"
)

// All certificates that certbot keeps, for IMAP, and an EV certificate for one name.
func Example() {
	store, err := certs.Open(certs.Options{
		Folders: []string{"/etc/letsencrypt/live"},
		Pairs:   []certs.Pair{{Cert: "/etc/ev/shop.crt", Key: "/etc/ev/shop.key", Names: []string{"shop.example.org"}}},
		Default: "mail.example.org",
	})
	if err != nil {
		fmt.Println("no certificates here")
		return
	}
	defer store.Close()
	config, err := tlspolicy.Intermediate.ALPN("imap").ServerBy(store.GetCertificate)
	if err != nil {
		log.Fatal(err)
	}
	_ = config // for tls.Listen
	for _, s := range store.Status() {
		fmt.Println(s.Cert, s.Since, s.Problem)
	}
	// Output: no certificates here
}
