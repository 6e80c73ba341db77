package drill_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log"
	"math/big"
	"os"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/drill"
)

// The plan for a host with one certificate and session tickets.
func Example() {
	ctx := context.Background()
	tickets, err := tlspolicy.NewTickets(ctx, tlspolicy.TicketOptions{})
	if err != nil {
		log.Fatal(err)
	}
	d := &drill.Drill{
		Dir:       "/var/lib/mail/drills/2030-12-31",
		Installer: oneCertificate{},
		Issuer:    authority{},
		Tickets:   drill.TicketKeys{tickets},
	}
	plan, err := d.Plan(ctx)
	if err != nil {
		log.Fatal(err)
	}
	plan.WriteTo(os.Stdout)
	// _, err = d.Run(ctx) does it. After an error or a crash, it goes on where it stopped.

	// Output:
	// drill: not begun; this would be done:
	//   to do     new key and certificate  mail  (mail.example.org; imaps)
	//   to do     install  mail  (mail.example.org; imaps)
	//   to do     drop all session ticket keys
	//   to do     revoke the old certificate  mail  (mail.example.org; imaps)
	//   to do     check that no old key is served
	//   left out  passwords: there is nobody to do it
	//   left out  sessions: there is nobody to do it
}

// oneCertificate stands for the services of the host.
type oneCertificate struct{}

func (oneCertificate) Certificates(context.Context) ([]drill.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example.org"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return []drill.Certificate{{Name: "mail", Services: []string{"imaps"}, Leaf: leaf}}, err
}

func (oneCertificate) Install(context.Context, string, tls.Certificate) error { return nil }

// authority stands for whoever issues certificates.
type authority struct{}

func (authority) Issue(context.Context, *x509.Certificate, crypto.Signer) ([][]byte, error) {
	return nil, nil
}
func (authority) Revoke(context.Context, *x509.Certificate) error { return nil }
