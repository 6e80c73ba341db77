package pgp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/mailhavn/mailhavn/pgp/internal/spool"
)

// DefaultMaxSize bounds messages where MaxSize is 0.
const DefaultMaxSize = 256 << 20

// Decrypter decrypts messages, and verifies the signatures in them. It may be used several times, and by several goroutines.
type Decrypter struct {
	Keys        []*Key       // private; a locked one counts as missing, but is told of
	Passwords   [][]byte     // tried on messages that are encrypted to passwords
	SessionKeys []SessionKey // tried first
	Verify      []*Key       // who may have signed
	MaxSize     int64        // of what is in the message; 0 means DefaultMaxSize
	TempDir     string       // for encrypted temporary files; "" is the system's
	Time        time.Time    // at which signatures are judged; zero is now
}

// Decrypt reads an encrypted message, armored or binary, to its end. Only when it has proved to be whole and unchanged a Message comes back, from which
// the contents can be read; with an error not one byte of them leaves. Bad signatures are no error: see [Message.Signatures].
// The caller closes the Message.
func (d Decrypter) Decrypt(ctx context.Context, src io.Reader) (m *Message, err error) {
	defer guard(&err)
	in, _, err := dearmor(source{ctx, src})
	if err != nil {
		return nil, err
	}
	opened, err := d.open(in)
	if err != nil {
		return nil, err
	}
	plain := spool.New(d.TempDir, d.maxSize()+maxPacket)
	if err := prove(plain, in, opened.data); err != nil {
		plain.Close()
		return nil, err
	}
	m, err = readMessage(ctx, plain, d.Verify, opened.recipient, d.maxSize(), d.Time)
	if err != nil {
		plain.Close()
		return nil, err
	}
	m.SessionKey, m.DecryptedBy, m.Authenticated = opened.sessionKey, opened.key, opened.authenticated
	return m, nil
}

func (d Decrypter) maxSize() int64 {
	if d.MaxSize == 0 {
		return DefaultMaxSize
	}
	return d.MaxSize
}

// prove decrypts everything into the spool. No error means that the message is whole.
func prove(plain *spool.Spool, in *bufio.Reader, data io.ReadCloser) error {
	_, err := io.Copy(spoolWriter{plain}, data)
	if err == nil {
		err = data.Close() // for SEIPD version 1 the checksum is verified here
	}
	if err == nil {
		_, err = in.ReadByte()
		if err == nil {
			return fmt.Errorf("%w: something follows the encrypted data", ErrMalformed)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
	var outside *sourceError
	switch {
	case errors.As(err, &outside):
		return outside.err
	case errors.Is(err, spool.ErrTooLarge):
		return ErrTooLarge
	}
	return ErrIntegrity
}

// spoolWriter marks errors of the spool as not being of the message.
type spoolWriter struct{ *spool.Spool }

func (w spoolWriter) Write(p []byte) (int, error) {
	n, err := w.Spool.Write(p)
	if err != nil && !errors.Is(err, spool.ErrTooLarge) {
		err = &sourceError{err}
	}
	return n, err
}

// opened is encrypted data with its key found.
type opened struct {
	data          io.ReadCloser
	key           *Key   // that opened it, nil if a password or session key did
	recipient     []byte // fingerprint of key
	sessionKey    SessionKey
	authenticated bool
}

// Bounds of what stands before the encrypted data. A list of recipients in the hundreds is real; trying a private key on each is not.
const (
	maxRecipients = 1000
	maxAttempts   = 64
)

// open reads up to the encrypted data and finds the key that opens it.
func (d Decrypter) open(in *bufio.Reader) (opened, error) {
	e, err := readEnvelope(in)
	if err != nil {
		return opened{}, err
	}
	return d.unwrap(e)
}

// envelope is an encrypted message up to its encrypted data.
type envelope struct {
	keys          []*packet.EncryptedKey
	passwords     []*packet.SymmetricKeyEncrypted
	data          packet.EncryptedDataPacket
	contents      *bufio.Reader // of data, still encrypted
	authenticated bool
}

// readEnvelope reads up to the encrypted data. What it gives reads on from in.
func readEnvelope(in *bufio.Reader) (*envelope, error) {
	e := &envelope{}
	for count := 0; ; count++ {
		first, err := in.Peek(1)
		if err != nil {
			return nil, noEOF(err)
		}
		tag := tagOf(first[0])
		switch tag {
		case tagUnprotected:
			return nil, ErrUnprotected
		case tagProtected, tagAEAD:
			return e, e.readData(in)
		case tagPKESK, tagSKESK, tagMarker, tagPadding:
		case tagCompressed, tagLiteral, tagOnePass, tagSignature:
			return nil, ErrNotEncrypted
		default:
			return nil, fmt.Errorf("%w: a packet of type %d begins no message", ErrMalformed, tag)
		}
		if count == maxRecipients {
			return nil, fmt.Errorf("%w: more than %d recipients", ErrTooMany, maxRecipients)
		}
		h, err := readHeader(in)
		if err != nil {
			return nil, err
		}
		body, err := readBody(in, h)
		if err != nil {
			return nil, err
		}
		switch p, err := packet.Read(bytes.NewReader(appendPacket(nil, tag, body))); p := p.(type) {
		case *packet.EncryptedKey: // one of an unknown version is another recipient's business
			if err == nil {
				e.keys = append(e.keys, p)
			}
		case *packet.SymmetricKeyEncrypted:
			if err == nil && !costly(body) {
				e.passwords = append(e.passwords, p)
			}
		}
	}
}

func (e *envelope) readData(in *bufio.Reader) error {
	p, err := packet.Read(in)
	if err != nil {
		return classify(err, ErrMalformed)
	}
	switch p := p.(type) {
	case *packet.SymmetricallyEncrypted:
		buffered := bufio.NewReader(p.Contents)
		p.Contents = buffered
		e.data, e.contents, e.authenticated = p, buffered, p.Version == 2
	case *packet.AEADEncrypted:
		e.data, e.contents, e.authenticated = p, bufio.NewReader(p.Contents), true
	}
	return nil
}

// costly reports whether a password packet asks for Argon2 with more than 2 GiB or 10 passes (RFC 9580, sections 5.3 and 3.7.1.4).
func costly(body []byte) bool {
	at := 2 // version 4: version, cipher, S2K
	if body[0] >= 5 {
		at = 5 // version 6: version, length, cipher, AEAD, length of S2K, S2K
	}
	const argon2, saltSize = 4, 16
	return len(body) > at+saltSize+3 && body[at] == argon2 && (body[at+saltSize+1] > 10 || body[at+saltSize+3] > 21)
}

// unwrap finds the session key.
func (d Decrypter) unwrap(e *envelope) (opened, error) {
	result := opened{authenticated: e.authenticated}
	try := func(cipher packet.CipherFunction, key []byte) bool {
		var err error
		result.data, err = e.data.Decrypt(cipher, key)
		result.sessionKey = SessionKey{byte(cipher), key}
		return err == nil && result.data != nil
	}
	for _, s := range d.SessionKeys {
		if try(packet.CipherFunction(s.Cipher), s.Key) {
			return result, nil
		}
	}
	locked, attempts := "", 0
	config := readConfig(d.Time)
	for _, esk := range e.keys {
		for _, k := range d.Keys {
			if esk.KeyId != 0 && !slices.Contains(k.ids, esk.KeyId) {
				continue
			}
			for _, key := range k.entity().DecryptionKeys(esk.KeyId, time.Time{}, config) {
				switch {
				case key.PrivateKey == nil || key.PrivateKey.Dummy():
					continue
				case key.PrivateKey.Encrypted:
					locked = k.fingerprint
					continue
				}
				if attempts++; attempts > maxAttempts {
					return opened{}, fmt.Errorf("%w: %d tries did not open it", ErrTooMany, maxAttempts)
				}
				if esk.Decrypt(key.PrivateKey, config) == nil && try(esk.CipherFunc, esk.Key) {
					result.key, result.recipient = k, key.Entity.PrimaryKey.Fingerprint
					return result, nil
				}
			}
		}
	}
	for _, password := range d.Passwords {
		for _, esk := range e.passwords[:min(len(e.passwords), maxAttempts)] {
			if key, cipher, err := esk.Decrypt(password); err == nil && e.plausible(cipher, key) && try(cipher, key) {
				return result, nil
			}
		}
	}
	if locked != "" {
		return opened{}, fmt.Errorf("%w: %s", ErrLocked, locked)
	}
	return opened{}, ErrNoKey
}

// SessionKey opens one message. Who has it needs no other key.
type SessionKey struct {
	Cipher byte // RFC 9580, section 9.3; 0 in messages of SEIPD version 2, which say it themselves
	Key    []byte
}

// String is the form that GnuPG and SOP use: "9:" and the key in hexadecimal.
func (s SessionKey) String() string {
	return strconv.Itoa(int(s.Cipher)) + ":" + strings.ToUpper(hex.EncodeToString(s.Key))
}

// ParseSessionKey reads what String gave.
func ParseSessionKey(text string) (SessionKey, error) {
	number, digits, _ := strings.Cut(strings.TrimSpace(text), ":")
	cipher, err1 := strconv.ParseUint(number, 10, 8)
	key, err2 := hex.DecodeString(digits)
	if err := errors.Join(err1, err2); err != nil || len(key) == 0 {
		return SessionKey{}, fmt.Errorf("pgp: that is no session key")
	}
	return SessionKey{byte(cipher), key}, nil
}
