package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/atomicfile"
)

// Replace writes pair into the files of one that the store has, and serves it at once. Owner and mode of the files stay, and symbolic links too; what lies
// beside (staples, timestamps) was for the old certificate and is removed. After a crash at any moment the files hold the old pair or the new
// one. A pair that the policy or the check of the store does not allow is an error, and nothing is written.
func (s *Store) Replace(certFile, keyFile string, pair tls.Certificate) error {
	if err := s.admit(certFile, pair); err != nil {
		return fmt.Errorf("certs: the new certificate for %s: %w", certFile, err)
	}
	writes, err := replacement(certFile, keyFile, pair)
	for _, w := range writes {
		if err == nil {
			err = atomicfile.Replace(w.file, w.data, w.mode)
		}
	}
	for _, suffix := range []string{ocspSuffix, sctSuffix} {
		if err == nil {
			if err = os.Remove(certFile + suffix); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
	}
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	s.Reload() // what is wrong with other pairs does not matter here
	for _, status := range s.Status() {
		if status.Cert != certFile || status.Key != keyFile {
			continue
		}
		if status.Problem != nil {
			return fmt.Errorf("certs: %w", status.Problem)
		}
		if bytes.Equal(status.Chain[0].Raw, pair.Certificate[0]) {
			return nil
		}
	}
	return fmt.Errorf("certs: %s and %s are written, but this store does not serve them", certFile, keyFile)
}

// admit tells whether the store would take a pair over.
func (s *Store) admit(file string, pair tls.Certificate) error {
	if _, err := s.options.Policy.Admit(pair); err != nil {
		return err
	}
	var chain []*x509.Certificate
	for _, der := range pair.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		chain = append(chain, c)
	}
	if s.options.Check == nil {
		return nil
	}
	return s.options.Check(file, chain)
}

// write is a file that is replaced.
type write struct {
	file string
	data []byte
	mode fs.FileMode // if it is not there yet
}

// replacement returns the writes, in their order, that put pair into files. At no moment the key file lacks the key of the certificate file: in
// between it holds the old and the new one.
func replacement(certFile, keyFile string, pair tls.Certificate) ([]write, error) {
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	var chain []byte
	for _, c := range pair.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	if certFile == keyFile {
		return []write{{keyFile, append(chain, key...), 0o600}}, nil
	}
	old, err := os.ReadFile(keyFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return []write{{keyFile, append(bytes.Clone(key), old...), 0o600}, {certFile, chain, 0o644}, {keyFile, key, 0o600}}, nil
}
