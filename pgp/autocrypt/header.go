// Package autocrypt exchanges keys by mail itself: Autocrypt Level 1, version 1.1 (autocrypt.org/level1.html). It reads and writes the header fields Autocrypt and
// Autocrypt-Gossip, keeps what is known about a peer, gives its recommendation, and makes and reads setup messages, which carry a private key to another device.
package autocrypt

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/keystore"
)

// MaxHeader is the largest value of a header field that is read (section 2.1).
const MaxHeader = 10 << 10

// ErrInvalid says that a header field or setup message is to be ignored.
var ErrInvalid = errors.New("autocrypt: invalid")

// Header is an Autocrypt or Autocrypt-Gossip header field.
type Header struct {
	Addr   string // as keystore.Canonical gives it
	Mutual bool   // prefer-encrypt=mutual: encrypt by default if the other side wants it too
	Key    *pgp.Key
}

// Parse reads the value of an Autocrypt header field. An unknown attribute makes it invalid, unless its name begins with "_" (section 2.1).
func Parse(value string) (Header, error) {
	if len(value) > MaxHeader {
		return Header{}, fmt.Errorf("%w: %d octets", ErrInvalid, len(value))
	}
	attributes := map[string]string{}
	for attribute := range strings.SplitSeq(value, ";") {
		name, text, ok := strings.Cut(attribute, "=")
		if name = strings.TrimSpace(name); name == "" && !ok {
			continue
		}
		if _, double := attributes[name]; double || !ok {
			return Header{}, fmt.Errorf("%w: the attribute %q", ErrInvalid, name)
		}
		attributes[name] = strings.TrimSpace(text)
	}
	for name := range attributes {
		switch {
		case name == "addr", name == "prefer-encrypt", name == "keydata", strings.HasPrefix(name, "_"):
		default:
			return Header{}, fmt.Errorf("%w: unknown attribute %q", ErrInvalid, name)
		}
	}
	h := Header{Addr: keystore.Canonical(attributes["addr"]), Mutual: attributes["prefer-encrypt"] == "mutual"}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(attributes["keydata"]), ""))
	if err != nil || h.Addr == "" {
		return Header{}, fmt.Errorf("%w: addr or keydata", ErrInvalid)
	}
	keys, err := pgp.ReadKeys(bytes.NewReader(data))
	if err != nil || len(keys) != 1 {
		return Header{}, fmt.Errorf("%w: keydata has %d keys: %w", ErrInvalid, len(keys), err)
	}
	h.Key = keys[0].Public()
	return h, nil
}

// Select gives the header field of a message that counts: the only valid one whose addr is the address in From (section 2.3). Several make all of them invalid.
func Select(values []string, from string) (Header, error) {
	var found []Header
	for _, value := range values {
		if h, err := Parse(value); err == nil && h.Addr == keystore.Canonical(from) {
			found = append(found, h)
		}
	}
	if len(found) != 1 {
		return Header{}, fmt.Errorf("%w: %d header fields count", ErrInvalid, len(found))
	}
	return found[0], nil
}

// SelectGossip gives the Autocrypt-Gossip fields of an encrypted message that count: those of its other recipients, one each (section 2.5).
func SelectGossip(values, recipients []string) []Header {
	byAddr := map[string][]Header{}
	for _, value := range values {
		if h, err := Parse(value); err == nil {
			byAddr[h.Addr] = append(byAddr[h.Addr], h)
		}
	}
	var all []Header
	for _, recipient := range recipients {
		addr := keystore.Canonical(recipient)
		if len(byAddr[addr]) == 1 {
			all = append(all, byAddr[addr][0])
			delete(byAddr, addr)
		}
	}
	return all
}

// String is the value of the header field, folded, with as much of the key as belongs to the address. It is "" if the key is not of the address.
func (h Header) String() string {
	small, err := h.Key.ForAddress(h.Addr, time.Now())
	if err != nil {
		return ""
	}
	var out strings.Builder
	out.WriteString("addr=" + h.Addr + ";")
	if h.Mutual {
		out.WriteString(" prefer-encrypt=mutual;")
	}
	out.WriteString(" keydata=")
	for text := base64.StdEncoding.EncodeToString(small.Bytes()); text != ""; {
		n := min(len(text), 76)
		out.WriteString("\r\n " + text[:n])
		text = text[n:]
	}
	return out.String()
}
