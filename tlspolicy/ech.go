package tlspolicy

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/atomicfile"
)

// ECHOptions are the options of [OpenECH]. Dir and PublicName must be set.
type ECHOptions struct {
	Dir        string // where the keys are kept, a file each; of this program alone, made if missing
	PublicName string // that everybody may see instead of the hidden name; the server needs a certificate for it

	// Life is how long a key is given to clients. After as long again it is forgotten. If zero, 24 hours; at least a minute.
	Life   time.Duration
	Logger *slog.Logger // hears if no new key can be kept; if nil, nobody does
}

// ECH are the keys by which a server opens encrypted client hellos (RFC 9849), so that who listens learns its public name only, not the one that a
// client asks for. Clients find the present key in DNS; see [ECH.DNS]. One that has an older key, or one that was
// forgotten, is told the present one in the handshake and comes again. All methods may be called by many goroutines.
type ECH struct {
	options ECHOptions
	now     func() time.Time

	mu   sync.Mutex // guards the following
	keys []echKey   // newest first, at least one
}

type echKey struct {
	made   time.Time
	config []byte // an ECHConfig
	secret *ecdh.PrivateKey
}

// From RFC 9849, section 4, and RFC 9180, section 7.
const (
	echVersion    = 0xfe0d
	echX25519     = 0x0020 // DHKEM(X25519, HKDF-SHA256)
	echHKDF256    = 0x0001
	echAES128GCM  = 0x0001
	echAES256GCM  = 0x0002
	echChaCha20   = 0x0003
	echNameLength = 64 // names are padded to it
)

const (
	defaultECHLife = 24 * time.Hour
	maxECHKeys     = 16 // files that are read
	echSuffix      = ".ech"
)

// OpenECH reads the keys in a folder, and makes one if there is none that is young enough.
func OpenECH(o ECHOptions) (*ECH, error) { return openECH(o, time.Now) }

func openECH(o ECHOptions, now func() time.Time) (*ECH, error) {
	switch {
	case o.Dir == "":
		return nil, errors.New("tlspolicy: ECH keys need a folder to lie in: Dir is not set")
	case !certifiable(o.PublicName) || strings.HasPrefix(o.PublicName, "*"):
		return nil, fmt.Errorf("tlspolicy: ECH: %q is no public name: a DNS name in ASCII, without a star", o.PublicName)
	case o.Life == 0:
		o.Life = defaultECHLife
	case o.Life < time.Minute:
		return nil, fmt.Errorf("tlspolicy: ECH keys with a life of %v; the least is a minute", o.Life)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("tlspolicy: ECH: %w", err)
	}
	e := &ECH{options: o, now: now}
	if err := e.read(); err != nil {
		return nil, err
	}
	return e, e.rotate(now(), false)
}

// read takes the keys in the folder over. Those of another public name are passed over.
func (e *ECH) read() error {
	names, err := filepath.Glob(filepath.Join(e.options.Dir, "*"+echSuffix))
	if err != nil {
		return fmt.Errorf("tlspolicy: ECH: %w", err)
	}
	slices.Sort(names) // by the time of making
	slices.Reverse(names)
	for _, file := range names[:min(len(names), maxECHKeys)] {
		key, err := readECHKey(file)
		if err != nil {
			return err
		}
		if bytes.Equal(key.config, echConfig(key.secret.PublicKey(), key.config[4], e.options.PublicName)) {
			e.keys = append(e.keys, key)
		}
	}
	return nil
}

// readECHKey reads a file of the form that OpenSSL has, too: a PRIVATE KEY (PKCS #8) and an ECHCONFIG (a list of one).
func readECHKey(file string) (key echKey, err error) {
	bad := func(what string) (echKey, error) {
		return key, fmt.Errorf("tlspolicy: ECH: %s: %s; remove the file to have a new key made", file, what)
	}
	seconds, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(file), echSuffix), 10, 64)
	if err != nil {
		return bad("its name is not the time at which it was made")
	}
	key.made = time.Unix(seconds, 0)
	data, mode, err := readFile(file)
	if err != nil {
		return key, err
	}
	if mode.Perm()&exposedTo != 0 {
		return bad(fmt.Sprintf("others can read this key (mode %04o)", mode.Perm()))
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "PRIVATE KEY":
			parsed, _ := x509.ParsePKCS8PrivateKey(block.Bytes) // the error may quote what it read
			key.secret, _ = parsed.(*ecdh.PrivateKey)
		case "ECHCONFIG":
			if len(block.Bytes) > 2 {
				key.config = block.Bytes[2:]
			}
		}
	}
	if key.secret == nil || key.secret.Curve() != ecdh.X25519() || len(key.config) < 5 {
		return bad("it holds no X25519 key with its ECHCONFIG")
	}
	return key, nil
}

// rotate makes a new key if the newest is past its life, or if it must, and forgets those past twice that. e.mu is not held.
func (e *ECH) rotate(now time.Time, must bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	if must || len(e.keys) == 0 || now.Sub(e.keys[0].made) >= e.options.Life {
		err = e.add(now)
	}
	for i := len(e.keys) - 1; i > 0; i-- {
		if must || now.Sub(e.keys[i].made) >= 2*e.options.Life {
			err = errors.Join(err, os.Remove(e.file(e.keys[i])))
			e.keys = e.keys[:i]
		}
	}
	return err
}

func (e *ECH) file(k echKey) string {
	return filepath.Join(e.options.Dir, strconv.FormatInt(k.made.Unix(), 10)+echSuffix)
}

// add makes a key and keeps it. e.mu is held.
func (e *ECH) add(now time.Time) error {
	secret, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("tlspolicy: ECH: %w", err)
	}
	id := byte(0)
	if len(e.keys) > 0 {
		id = e.keys[0].config[4] + 1
	}
	key := echKey{time.Unix(now.Unix(), 0), echConfig(secret.PublicKey(), id, e.options.PublicName), secret}
	for _, err := os.Lstat(e.file(key)); err == nil; _, err = os.Lstat(e.file(key)) { // made in the same second
		key.made = key.made.Add(time.Second)
	}
	der, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		return fmt.Errorf("tlspolicy: ECH: %w", err)
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	data = append(data, pem.EncodeToMemory(&pem.Block{Type: "ECHCONFIG", Bytes: vector16(key.config)})...)
	if err := atomicfile.Write(e.file(key), data, fs.FileMode(0o600)); err != nil {
		return fmt.Errorf("tlspolicy: ECH: %w", err)
	}
	e.keys = append([]echKey{key}, e.keys...)
	return nil
}

// echConfig returns an ECHConfig (RFC 9849, section 4).
func echConfig(public *ecdh.PublicKey, id byte, name string) []byte {
	contents := []byte{id}
	contents = binary.BigEndian.AppendUint16(contents, echX25519)
	contents = append(contents, vector16(public.Bytes())...)
	var suites []byte
	for _, aead := range []uint16{echAES128GCM, echAES256GCM, echChaCha20} {
		suites = binary.BigEndian.AppendUint16(suites, echHKDF256)
		suites = binary.BigEndian.AppendUint16(suites, aead)
	}
	contents = append(contents, vector16(suites)...)
	contents = append(contents, echNameLength, byte(len(name)))
	contents = append(contents, name...)
	contents = append(contents, vector16(nil)...) // no extensions
	return append(binary.BigEndian.AppendUint16(nil, echVersion), vector16(contents)...)
}

func vector16(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// Rotate makes a new key and forgets all others, as after a leak. DNS must be given the new one; who has an old one comes a second time until then.
func (e *ECH) Rotate() error { return e.rotate(e.now(), true) }

// ConfigList returns the present key as clients need it, an ECHConfigList, such as for tls.Config.EncryptedClientHelloConfigList.
func (e *ECH) ConfigList() []byte {
	e.refresh()
	e.mu.Lock()
	defer e.mu.Unlock()
	return vector16(e.keys[0].config)
}

// DNS returns the parameter for the HTTPS or SVCB record of the hidden names (RFC 9848, section 3): ech=BASE64. It changes once in the life of a key; the
// record's time to live should be shorter than that.
func (e *ECH) DNS() string { return "ech=" + base64.StdEncoding.EncodeToString(e.ConfigList()) }

// refresh replaces a key that is past its life. If the new one cannot be kept, the old ones stay in use.
func (e *ECH) refresh() {
	if err := e.rotate(e.now(), false); err != nil {
		e.options.Logger.Error("ECH: no new key; the old ones stay in use", "error", err)
	}
}

// serverKeys are what crypto/tls opens client hellos with. Clients without a key that fits are told the present one.
func (e *ECH) serverKeys(*tls.ClientHelloInfo) (keys []tls.EncryptedClientHelloKey, err error) {
	e.refresh()
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, k := range e.keys {
		keys = append(keys, tls.EncryptedClientHelloKey{Config: k.config, PrivateKey: k.secret.Bytes(), SendAsRetry: i == 0})
	}
	return keys, nil
}

// enable makes config take encrypted client hellos. crypto/tls wants MinVersion to be unset or TLS 1.3 then, so that floor must be applied otherwise:
// clients that know TLS 1.3 get a configuration that has nothing else, the others one that knows nothing of ECH. Fields of config that are
// set until the first handshake are in both.
func (e *ECH) enable(config *tls.Config, floor uint16) {
	check := config.GetConfigForClient
	var once sync.Once
	var modern, older *tls.Config
	config.GetEncryptedClientHelloKeys = e.serverKeys
	config.MinVersion = 0
	config.GetConfigForClient = func(client *tls.ClientHelloInfo) (*tls.Config, error) {
		once.Do(func() {
			modern, older = config.Clone(), config.Clone()
			modern.MinVersion, older.MinVersion = tls.VersionTLS13, floor
			older.GetEncryptedClientHelloKeys = nil
			modern.GetConfigForClient, older.GetConfigForClient = nil, nil
		})
		if check != nil {
			if _, err := check(client); err != nil {
				return nil, err
			}
		}
		if slices.Contains(client.SupportedVersions, tls.VersionTLS13) {
			return modern, nil
		}
		return older, nil
	}
}
