// Package dane finds OpenPGP keys in DNS: OPENPGPKEY records (RFC 7929), which DNSSEC signs.
package dane

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/keystore"
)

var (
	// ErrNotFound says that there is no key for the address in DNS.
	ErrNotFound = errors.New("dane: no key is published for this address")

	// ErrInsecure says that the answer was not validated by DNSSEC, so that anybody may have written it (RFC 7929, section 5.1).
	ErrInsecure = errors.New("dane: the answer is not secured by DNSSEC")
)

// Name is the domain name of the record of an address, or "" if that is no address (RFC 7929, section 3).
func Name(address string) string {
	if keystore.Canonical(address) == "" {
		return ""
	}
	address = strings.TrimSpace(address)
	at := strings.LastIndexByte(address, '@')
	sum := sha256.Sum256([]byte(address[:at]))
	return hex.EncodeToString(sum[:28]) + "._openpgpkey." + dns.Fqdn(strings.ToLower(address[at+1:]))
}

// Client asks a resolver. It may be used by several goroutines.
type Client struct {
	// Resolver is the host and port of a resolver that validates DNSSEC, over a way that nobody can change: on this machine, usually.
	// Its AD bit is believed.
	Resolver string
}

const timeout = 15 * time.Second

// Lookup gives the keys that DNS has for an address, with nothing but what belongs to the address. Some may be unusable: [pgp.Key.CanEncrypt] says so. The local part is taken as
// it is, since DNS does not know whose case matters (RFC 7929, section 4).
func (c Client) Lookup(ctx context.Context, address string) ([]*pgp.Key, error) {
	name := Name(address)
	if name == "" {
		return nil, fmt.Errorf("dane: that is no address")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	question := new(dns.Msg).SetQuestion(name, dns.TypeOPENPGPKEY)
	question.SetEdns0(1232, true)
	question.AuthenticatedData = true
	// By TCP: keys do not fit into datagrams.
	answer, _, err := (&dns.Client{Net: "tcp", Timeout: timeout}).ExchangeContext(ctx, question, c.Resolver)
	if err != nil {
		return nil, fmt.Errorf("dane: %w", err)
	}
	switch {
	case answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError:
		return nil, fmt.Errorf("dane: the resolver answers %s", dns.RcodeToString[answer.Rcode])
	case !answer.AuthenticatedData:
		return nil, ErrInsecure
	}
	var keys []*pgp.Key
	for _, record := range answer.Answer {
		keys = append(keys, keysOf(record, address)...)
	}
	if len(keys) == 0 {
		return nil, ErrNotFound
	}
	return keys, nil
}

func keysOf(record dns.RR, address string) (keys []*pgp.Key) {
	openpgp, ok := record.(*dns.OPENPGPKEY)
	if !ok {
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(openpgp.PublicKey)
	if err != nil {
		return nil
	}
	all, _ := pgp.ReadKeys(bytes.NewReader(data))
	for _, k := range all {
		if k, err := k.ForAddress(address, time.Now()); err == nil {
			keys = append(keys, k)
		}
	}
	return keys
}

// Record is the line of a zone file that publishes a key for an address.
func Record(address string, k *pgp.Key, at time.Time) (string, error) {
	small, err := k.ForAddress(address, at)
	if err != nil {
		return "", err
	}
	return Name(address) + " IN OPENPGPKEY " + base64.StdEncoding.EncodeToString(small.Bytes()), nil
}
