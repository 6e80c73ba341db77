package lint

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

// File judges the chain in a file, PEM, as Check does. Other blocks of the file,
// such as the key, are passed over.
func File(file string, o Options) (*Report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("lint: %w", err)
	}
	var chain []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("lint: %s: certificate %d: %w", file, len(chain)+1, err)
		}
		chain = append(chain, c)
	}
	r, err := Check(chain, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r.File = file
	return r, nil
}

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
