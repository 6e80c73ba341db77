package autocrypt

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"

	"github.com/mailhavn/mailhavn/pgp"
)

// NewSetupCode makes the code that the user types on the other device: nine groups of four digits (section 4.4).
func NewSetupCode() string {
	groups := make([]string, 9)
	for i := range groups {
		n, err := rand.Int(rand.Reader, big.NewInt(10_000))
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		groups[i] = fmt.Sprintf("%04d", n)
	}
	return strings.Join(groups, "-")
}

const (
	setupBegin   = "-----BEGIN PGP MESSAGE-----\n"
	preferMutual = "Autocrypt-Prefer-Encrypt: mutual"
)

// WriteSetup writes the body of the message that a user sends himself (section 4.4): a multipart with the private key, encrypted by the code. The key must not be locked.
// header gets what belongs into the header of the message.
func WriteSetup(dst io.Writer, k *pgp.Key, mutual bool, code string) (header string, err error) {
	if !k.Private() || k.Locked() {
		return "", fmt.Errorf("autocrypt: the key must be private and not locked")
	}
	plain := strings.Replace(k.Armor(), "-----\n", "-----\n"+preferMutual+"\n", 1)
	if !mutual {
		plain = strings.Replace(plain, "mutual\n", "nopreference\n", 1)
	}
	var message bytes.Buffer
	w, err := pgp.Encrypter{Passwords: [][]byte{[]byte(code)}}.Encrypt(&message)
	if err != nil {
		return "", err
	}
	io.WriteString(w, plain)
	if err := w.Close(); err != nil {
		return "", err
	}
	data := strings.Replace(message.String(), setupBegin, setupBegin+"Passphrase-Format: numeric9x4\nPassphrase-Begin: "+code[:2]+"\n", 1)
	boundary := "autocrypt-" + rand.Text()
	_, err = fmt.Fprintf(dst, setupBody, boundary, boundary, strings.ReplaceAll(data, "\n", "\r\n"), boundary)
	return "Autocrypt-Setup-Message: v1\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n", err
}

const setupBody = "--%s\r\nContent-Type: text/plain\r\n\r\nThis message has the private key for encrypted mail. Open it on your other device and type the code there.\r\n\r\n" +
	"--%s\r\nContent-Type: application/autocrypt-setup\r\nContent-Disposition: attachment; filename=\"autocrypt-setup-message.html\"\r\n\r\n" +
	"<html><body>\r\n<p>This is the Autocrypt setup file used to transfer keys between mail programs.</p>\r\n<pre>\r\n%s</pre></body></html>\r\n--%s--\r\n"

var (
	setupBlock  = regexp.MustCompile(`(?s)-----BEGIN PGP MESSAGE-----.*?-----END PGP MESSAGE-----`)
	setupPrefer = regexp.MustCompile(`(?m)^Autocrypt-Prefer-Encrypt: mutual\s*$`)
)

// maxSetup bounds setup messages.
const maxSetup = 1 << 20

// ReadSetup reads the part application/autocrypt-setup of a setup message. A wrong code is [pgp.ErrNoKey].
func ReadSetup(ctx context.Context, part io.Reader, code string) (k *pgp.Key, mutual bool, err error) {
	text, err := io.ReadAll(io.LimitReader(part, maxSetup))
	if err != nil {
		return nil, false, err
	}
	block := setupBlock.Find(text)
	if block == nil {
		return nil, false, fmt.Errorf("%w: there is no encrypted key", ErrInvalid)
	}
	m, err := pgp.Decrypter{Passwords: [][]byte{[]byte(normal(code))}, MaxSize: maxSetup}.Decrypt(ctx, bytes.NewReader(block))
	if err != nil {
		return nil, false, err
	}
	defer m.Close()
	plain, err := io.ReadAll(m.Reader())
	if err != nil {
		return nil, false, err
	}
	keys, err := pgp.ReadKeys(bytes.NewReader(plain))
	if err == nil && (len(keys) != 1 || !keys[0].Private()) {
		err = errors.New("not one private key")
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return keys[0], setupPrefer.Match(plain), nil
}

// normal is a code with its hyphens, however it was typed.
func normal(code string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, code)
	var groups []string
	for ; len(digits) > 4; digits = digits[4:] {
		groups = append(groups, digits[:4])
	}
	return strings.Join(append(groups, digits), "-")
}
