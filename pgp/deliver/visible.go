package deliver

import (
	"bytes"
	"io"

	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

var minimal = map[string]bool{
	"from": true, "to": true, "cc": true, "date": true, "message-id": true, "in-reply-to": true, "references": true, "list-id": true,
	"return-path": true, "delivered-to": true,
}

// Minimal leaves visible what lists of messages, threads and filters need. See the table in the package's documentation.
func Minimal(name, value string) (string, bool) {
	if name == "subject" {
		return pgpmime.Baseline(name, value)
	}
	return value, minimal[name]
}

// Hidden leaves visible next to nothing: not who wrote, not the thread.
func Hidden(name, value string) (string, bool) {
	switch name {
	case "date":
		return value, true
	case "from", "subject":
		return "[...]", true
	}
	return "", false
}

// claimSize is how much of a message is looked at for signs of encryption.
const claimSize = 64 << 10

// claimsEncryption tells cheaply whether a message may be encrypted already, and gives a reader for all of it. A miss costs a second encryption only.
func claimsEncryption(message io.Reader) (bool, io.Reader, error) {
	start := make([]byte, claimSize)
	n, err := io.ReadFull(message, start)
	switch err {
	case nil:
		message = io.MultiReader(bytes.NewReader(start), message)
	case io.EOF, io.ErrUnexpectedEOF:
		message = bytes.NewReader(start[:n])
	default:
		return false, nil, err
	}
	return bytes.Contains(start[:n], []byte("-----BEGIN PGP MESSAGE-----")), message, nil
}
