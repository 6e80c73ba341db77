package passkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// device is a browser with an authenticator, whose answers can be forged: each field is what it says.
type device struct {
	t          testing.TB
	key        *ecdsa.PrivateKey
	credential []byte
	handle     []byte
	count      uint32

	origin, site, ceremony string
	flags                  byte
	crossOrigin            bool
	challenge              string // if not empty, instead of the one that was asked
	spoil                  func(signature []byte)
}

// The flags of WebAuthn, section 6.1.
const (
	present, verified, eligible, backedUp, attested = 1, 4, 8, 16, 64
)

func newDevice(t testing.TB) *device {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	d := &device{t: t, key: key, credential: make([]byte, 16), count: 1,
		origin: "https://mail.example.org", site: "example.org", flags: present | verified, spoil: func([]byte) {}}
	rand.Read(d.credential)
	return d
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// clientData is what the browser says about where the device was asked; WebAuthn, section 5.8.1.
func (d *device) clientData(ceremony, challenge string) []byte {
	if d.ceremony != "" {
		ceremony = d.ceremony
	}
	if d.challenge != "" {
		challenge = d.challenge
	}
	b, err := json.Marshal(map[string]any{"type": ceremony, "challenge": challenge, "origin": d.origin, "crossOrigin": d.crossOrigin})
	must(d.t, err)
	return b
}

// authenticatorData is what the device signs; WebAuthn, section 6.1.
func (d *device) authenticatorData(flags byte) []byte {
	site := sha256.Sum256([]byte(d.site))
	return binary.BigEndian.AppendUint32(append(site[:], d.flags|flags), d.count)
}

// create answers options of a registration.
func (d *device) create(options []byte) []byte {
	var o struct {
		Challenge string
		User      struct{ ID string }
	}
	must(d.t, json.Unmarshal(options, &o))
	var err error
	d.handle, err = base64.RawURLEncoding.DecodeString(o.User.ID)
	must(d.t, err)
	point, err := d.key.PublicKey.Bytes() // 4, x, y
	must(d.t, err)
	data := append(d.authenticatorData(attested), make([]byte, 16)...) // no make
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.credential)))
	data = append(data, d.credential...)
	data = append(data, 0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32) // COSE: EC2, ES256, P-256, x
	data = append(append(data, point[1:33]...), 0x22, 0x58, 32)
	data = append(data, point[33:]...)
	object := append([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"), byte(len(data)))
	return d.answer(map[string]any{
		"clientDataJSON": b64(d.clientData("webauthn.create", o.Challenge)), "attestationObject": b64(append(object, data...)),
	})
}

// get answers options of a login.
func (d *device) get(options []byte) []byte {
	var o struct{ Challenge string }
	must(d.t, json.Unmarshal(options, &o))
	client, data := d.clientData("webauthn.get", o.Challenge), d.authenticatorData(0)
	clientSum := sha256.Sum256(client)
	sum := sha256.Sum256(append(data[:len(data):len(data)], clientSum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, sum[:])
	must(d.t, err)
	d.spoil(signature)
	return d.answer(map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(d.handle),
	})
}

func (d *device) answer(response map[string]any) []byte {
	b, err := json.Marshal(map[string]any{"id": b64(d.credential), "rawId": b64(d.credential), "type": "public-key", "response": response,
		"clientExtensionResults": map[string]any{}})
	must(d.t, err)
	return b
}
