// Package wkd publishes and finds OpenPGP keys by a Web Key Directory (draft-koch-openpgp-webkey-service-22): a domain vouches over HTTPS for the keys of its addresses.
// [Client] asks, [Directory] answers as an http.Handler.
package wkd

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/mailhavn/mailhavn/pgp/keystore"
)

// ErrNotFound says that the domain publishes no key for the address.
var ErrNotFound = errors.New("wkd: no key is published for this address")

const wellKnown = "/.well-known/openpgpkey/"

// split takes an address apart. The local part is as it was, the domain in lower case.
func split(address string) (local, domain string, err error) {
	if keystore.Canonical(address) == "" {
		return "", "", fmt.Errorf("wkd: that is no address")
	}
	address = strings.TrimSpace(address)
	at := strings.LastIndexByte(address, '@')
	local, domain = address[:at], strings.ToLower(address[at+1:])
	if strings.ContainsAny(domain, "!#$%&'*+/=?^_`{|}~[]:") { // right in an address, but no host
		return "", "", fmt.Errorf("wkd: %q is no host", domain)
	}
	return local, domain, nil
}

// hashLength is how long what Hash gives is.
const hashLength = 32

// Hash is the name of a local part in a directory: z-base-32 of the SHA-1 of it in lower case (section 3.1). Only ASCII letters become lower case.
func Hash(local string) string {
	lower := []byte(local)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	sum := sha1.Sum(lower)
	return zbase32(sum[:])
}

// zbase32 encodes whole groups of five octets.
func zbase32(data []byte) string {
	const alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"
	var out strings.Builder
	bits, have := uint(0), 0
	for _, b := range data {
		bits, have = bits<<8|uint(b), have+8
		for have >= 5 {
			have -= 5
			out.WriteByte(alphabet[bits>>have&31])
		}
	}
	return out.String()
}

// advancedHost is where the advanced method looks (section 3.1).
func advancedHost(domain string) string { return "openpgpkey." + domain }

func advancedURL(local, domain string) string {
	return "https://" + advancedHost(domain) + wellKnown + domain + "/hu/" + Hash(local) + "?l=" + url.QueryEscape(local)
}

func directURL(local, domain string) string {
	return "https://" + domain + wellKnown + "hu/" + Hash(local) + "?l=" + url.QueryEscape(local)
}
