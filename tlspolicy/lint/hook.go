package lint

import (
	"crypto/x509"
	"fmt"
)

// Refuse has the form of certs.Options.Check: it returns an error, which begins
// with the file's name, if the chain should not be served.
func (o Options) Refuse(file string, chain []*x509.Certificate) error {
	r, err := Check(chain, o)
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
