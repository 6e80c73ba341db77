package mech

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/mailhavn/mailhavn/passwd/hash"
)

// SCRAM is one exchange of SCRAM-* (RFC 5802, RFC 7677) to be served.
type SCRAM struct {
	// Lookup returns the verifiers of a user, one for each password that he has, at least one; they are siblings (hash.SCRAM.Sibling). For users that
	// do not exist it returns one that looks like those of others and that no password fits; see [Fake]. An error ends the exchange.
	Lookup func(user string) ([]hash.SCRAM, error)

	// Done is called when the proof was right, with the place in what Lookup returned of the verifier that it was for; an error of it ends the exchange.
	Done func(authzid, user string, which int) error

	// Plus says that the mechanism is a -PLUS one, which binds the exchange to the TLS channel.
	Plus bool

	// OffersPlus says that the -PLUS variant was offered: a client that says that it would have used it had it been offered was
	// deceived by somebody in the middle.
	OffersPlus bool

	// Bindings are the channel bindings of the connection, by name (see [Bindings]).
	Bindings map[string][]byte

	nonce func() string // nil: random; tests use those of the RFCs
}

// NewSCRAM returns the server of an exchange.
func NewSCRAM(o SCRAM) sasl.Server {
	x := &scramExchange{SCRAM: o}
	return clientFirst(x.next)
}

type scramExchange struct {
	SCRAM
	verifiers []hash.SCRAM
	user      string
	authzid   string
	binding   string // what "c=" has to be
	nonces    string
	messages  string // the first of the client without its header, and of the server
}

func (x *scramExchange) next(message []byte) (challenge []byte, done bool, err error) {
	if x.nonces == "" {
		challenge, err = x.begin(string(message))
		return challenge, false, err
	}
	challenge, err = x.finish(string(message))
	return challenge, err == nil, err
}

// begin reads the client's first message and answers with salt and iterations.
func (x *scramExchange) begin(message string) ([]byte, error) {
	parts := strings.SplitN(message, ",", 3)
	if len(parts) != 3 {
		return nil, malformed("no GS2 header")
	}
	data, err := x.channel(parts[0])
	if err != nil {
		return nil, err
	}
	if parts[1] != "" {
		name, ok := strings.CutPrefix(parts[1], "a=")
		if x.authzid, err = saslName(name); !ok || err != nil {
			return nil, malformed("the authzid")
		}
	}
	header := parts[0] + "," + parts[1] + ","
	x.binding = base64.StdEncoding.EncodeToString(append([]byte(header), data...))

	fields := strings.Split(parts[2], ",")
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "n=") || !strings.HasPrefix(fields[1], "r=") { // "m=" would come first
		return nil, malformed("no user name and nonce")
	}
	if x.user, err = saslName(fields[0][2:]); err != nil {
		return nil, err
	}
	client := fields[1][2:]
	if !printable(client) || client == "" {
		return nil, malformed("the nonce")
	}
	if x.verifiers, err = x.Lookup(x.user); err != nil {
		return nil, err
	}
	x.nonces = client + x.newNonce()
	v := x.verifiers[0]
	answer := fmt.Sprintf("r=%s,s=%s,i=%d", x.nonces, base64.StdEncoding.EncodeToString(v.Salt), v.Iterations)
	x.messages = parts[2] + "," + answer
	return []byte(answer), nil
}

// channel reads the flag of the GS2 header and returns the data of the channel binding (RFC 5802, section 6).
func (x *scramExchange) channel(flag string) ([]byte, error) {
	name, bound := strings.CutPrefix(flag, "p=")
	switch {
	case bound && x.Plus:
		data, ok := x.Bindings[name]
		if !ok {
			return nil, malformed(fmt.Sprintf("channel binding %.40q is not to be had", name))
		}
		return data, nil
	case bound || x.Plus:
		return nil, malformed("a -PLUS mechanism and a channel binding go together")
	case flag == "y" && x.OffersPlus:
		return nil, malformed("the client saw no -PLUS mechanism, which was offered: somebody is in the middle")
	case flag != "n" && flag != "y":
		return nil, malformed("the GS2 header")
	}
	return nil, nil
}

// finish checks the client's proof and answers with the server's.
func (x *scramExchange) finish(message string) ([]byte, error) {
	end := strings.LastIndex(message, ",p=")
	if end < 0 {
		return nil, malformed("no proof")
	}
	fields := strings.Split(message[:end], ",")
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "c=") || !strings.HasPrefix(fields[1], "r=") {
		return nil, malformed("no channel binding and nonce")
	}
	// The text itself is compared, so that no other base64 of the same bytes is let through, and none of others.
	if !same(fields[0][2:], x.binding) {
		return nil, malformed("the channel binding differs: somebody is in the middle")
	}
	if !same(fields[1][2:], x.nonces) {
		return nil, malformed("the nonce differs")
	}
	proof, err := base64.StdEncoding.Strict().DecodeString(message[end+3:])
	if err != nil || len(proof) != x.verifiers[0].New().Size() || base64.StdEncoding.EncodeToString(proof) != message[end+3:] {
		return nil, malformed("the proof")
	}
	text := x.messages + "," + message[:end]
	which := -1
	for i, v := range x.verifiers {
		if proves(v, proof, text) {
			which = i
		}
	}
	if which < 0 {
		return nil, ErrProof
	}
	if err := x.Done(x.authzid, x.user, which); err != nil {
		return nil, err
	}
	v := x.verifiers[which]
	return []byte("v=" + base64.StdEncoding.EncodeToString(mac(v, v.ServerKey, text))), nil
}

// proves reports whether a proof is that of v's password (RFC 5802, section 3).
func proves(v hash.SCRAM, proof []byte, text string) bool {
	key := make([]byte, len(proof))
	subtle.XORBytes(key, proof, mac(v, v.StoredKey, text))
	h := v.New()
	h.Write(key)
	return hmac.Equal(h.Sum(nil), v.StoredKey)
}

func mac(v hash.SCRAM, key []byte, text string) []byte {
	m := hmac.New(v.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func (x *scramExchange) newNonce() string {
	if x.nonce != nil {
		return x.nonce()
	}
	return rand.Text()
}

// ErrProof says that a client does not know the password.
var ErrProof = errors.New("the proof is wrong")

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// saslName undoes the escaping of "," and "=" (RFC 5802, section 5.1).
func saslName(s string) (string, error) {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "=")
		b.WriteString(before)
		if !ok {
			break
		}
		switch {
		case strings.HasPrefix(after, "2C"):
			b.WriteByte(',')
		case strings.HasPrefix(after, "3D"):
			b.WriteByte('=')
		default:
			return "", malformed("the name")
		}
		s = after[2:]
	}
	if b.Len() == 0 || strings.ContainsRune(b.String(), 0) {
		return "", malformed("the name")
	}
	return b.String(), nil
}

// printable reports the characters of a nonce.
func printable(s string) bool {
	return !bytes.ContainsFunc([]byte(s), func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ',' })
}

// Fake returns a verifier for a user that does not exist: with always the same salt for the same name and secret, and keys that no
// password has. A verifier of today's costs should have as many iterations.
func Fake(hashName, user string, secret []byte, iterations int) hash.SCRAM {
	s := hash.SCRAM{Hash: hashName, Iterations: iterations}
	derive := func(what string) []byte {
		m := hmac.New(s.New, secret)
		m.Write([]byte(what + "\x00" + user))
		return m.Sum(nil)
	}
	s.Salt, s.StoredKey, s.ServerKey = derive("salt")[:16], derive("StoredKey"), derive("ServerKey")
	return s
}
