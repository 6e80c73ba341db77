package acme_test

import (
	"log"
	"net/http"
	"os"
	"path/filepath"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/acme"
	"github.com/mailhavn/mailhavn/tlspolicy/certs"
)

// A certificate of Let's Encrypt for an IMAP server, and a self-signed one until it is there.
func Example() {
	dir, err := os.MkdirTemp("", "acme")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	m, err := acme.Open(acme.Options{Dir: filepath.Join(dir, "acme"), Names: []string{"mail.example.org"}, Email: "postmaster@example.org", Agreed: true})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	if _, err := tlspolicy.SelfSigned(dir, "mail.example.org"); err != nil {
		log.Fatal(err)
	}
	own := filepath.Join(dir, tlspolicy.SelfSignedFile)
	store, err := certs.Open(certs.Options{Folders: []string{m.Folder()}, Pairs: []certs.Pair{{Cert: own, Key: own, LastResort: true}}})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	config, err := tlspolicy.Intermediate.ALPN("imap").ServerBy(store.GetCertificate)
	if err != nil {
		log.Fatal(err)
	}
	_ = config // for tls.Listen
	// err = m.Start() // asks the authority, and renews from then on

	// A web server of the program that has port 80 lets challenges through:
	_ = m.Handler(http.NotFoundHandler())
	// Output:
}
