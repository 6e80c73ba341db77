package drill

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// pending is a new key on its way to be installed, with its certificate when that is there.
type pending struct {
	key   crypto.Signer
	chain [][]byte
}

const pendingFolder = "pending"

func pendingPath(dir string, number int) string {
	return filepath.Join(dir, pendingFolder, strconv.Itoa(number)+".pem")
}

// newPending makes a key of the old one's kind and size.
func newPending(old *x509.Certificate) (*pending, error) {
	var key crypto.Signer
	var err error
	switch public := old.PublicKey.(type) {
	case *rsa.PublicKey:
		key, err = rsa.GenerateKey(rand.Reader, max(2048, public.N.BitLen()))
	case *ecdsa.PublicKey:
		key, err = ecdsa.GenerateKey(public.Curve, rand.Reader)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return &pending{key: key}, err
}

// readPending returns nil if there is none.
func readPending(dir string, number int) (*pending, error) {
	path := pendingPath(dir, number)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &pending{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			p.chain = append(p.chain, block.Bytes)
			continue
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: its key cannot be parsed", path) // err may quote the key
		}
		p.key, _ = key.(crypto.Signer)
	}
	if p.key == nil {
		return nil, fmt.Errorf("%s: holds no key", path)
	}
	return p, nil
}

func (p *pending) write(d disk, dir string, number int) error {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return err
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for _, c := range p.chain {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	if err := d.MkdirAll(filepath.Join(dir, pendingFolder)); err != nil {
		return err
	}
	return d.Replace(pendingPath(dir, number), data)
}

func (p *pending) leaf() (*x509.Certificate, error) {
	if len(p.chain) == 0 {
		return nil, errors.New("the chain is empty")
	}
	return x509.ParseCertificate(p.chain[0])
}

// check tells whether the certificate is for the key and all names of the old one, and valid.
func (p *pending) check(old *x509.Certificate, now time.Time) error {
	leaf, err := p.leaf()
	if err != nil {
		return err
	}
	if public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(p.key.Public()) {
		return errors.New("it is not for the new key")
	}
	for _, name := range old.DNSNames {
		if !slices.Contains(leaf.DNSNames, name) {
			return fmt.Errorf("it lacks the name %s", name)
		}
	}
	for _, ip := range old.IPAddresses {
		if !slices.ContainsFunc(leaf.IPAddresses, func(x net.IP) bool { return x.Equal(ip) }) {
			return fmt.Errorf("it lacks the address %s", ip)
		}
	}
	if !now.Before(leaf.NotAfter) {
		return fmt.Errorf("it ends %s", leaf.NotAfter.Format(time.RFC3339))
	}
	return nil
}

func sameKey(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}
