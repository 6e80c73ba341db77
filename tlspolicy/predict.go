package tlspolicy

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/hello"
)

// Offer is what a client says at the beginning of a handshake.
type Offer struct {
	Name       string // of the server, as SNI; may be empty
	Versions   []uint16
	Suites     []uint16
	Groups     []tls.CurveID
	Shares     []tls.CurveID // the groups for which it sends keys at once; TLS 1.3
	Signatures []tls.SignatureScheme
	Protocols  []string // ALPN
	EMS        bool     // extended master secret
}

// Outcome is what a client and a server agree on.
type Outcome struct {
	Version  uint16
	Suite    uint16
	Group    tls.CurveID
	Protocol string // ALPN, or ""
	Retry    bool   // a HelloRetryRequest, that is a round trip more
}

func (o Outcome) String() string {
	return fmt.Sprintf("%s, %s, %s", tls.VersionName(o.Version), tls.CipherSuiteName(o.Suite), o.Group)
}

// Predict tells what a server of p, with an ECDSA and (where p allows it) an RSA
// certificate for any name, agrees on with a client. The error says why the
// server refuses the client.
func (p Policy) Predict(client Offer) (Outcome, error) {
	certs := []tls.Certificate{standIn(nil)}
	if p.rsaBits() > 0 {
		certs = append(certs, standIn(&rsa.PublicKey{N: standInModulus, E: 65537}))
	}
	server, err := p.Server(certs...)
	if err != nil {
		return Outcome{}, err
	}
	return Predict(server, client)
}

// Predict tells what a server with this configuration agrees on with a client,
// by beginning the handshake in memory. The configuration's callbacks are called.
func Predict(server *tls.Config, client Offer) (Outcome, error) {
	says := hello.Hello{Versions: client.Versions, Suites: client.Suites, Name: client.Name, Groups: client.Groups, Shares: client.Shares,
		Signatures: client.Signatures, Protocols: client.Protocols, EMS: client.EMS}
	conn := &script{in: bytes.NewReader(says.Bytes())}
	err := tls.Server(conn, server).Handshake() // ends with EOF at the latest: nobody answers
	reply, readErr := hello.Read(&conn.out)
	if reply.Refused || readErr != nil {
		return Outcome{}, fmt.Errorf("tlspolicy: the server refuses: %w", err)
	}
	o := Outcome{Version: reply.Version, Suite: reply.Suite, Group: reply.Group, Protocol: reply.Protocol, Retry: reply.Retry}
	if o.Version == tls.VersionTLS13 { // its answer on ALPN is encrypted; it was not refused
		for _, own := range server.NextProtos {
			if slices.Contains(client.Protocols, own) {
				o.Protocol = own
				break
			}
		}
	}
	return o, nil
}

// script is a connection on which the peer has said everything already.
type script struct {
	net.Conn // nil: the handshake calls nothing else
	in       *bytes.Reader
	out      bytes.Buffer
}

func (s *script) Read(b []byte) (int, error)  { return s.in.Read(b) }
func (s *script) Write(b []byte) (int, error) { return s.out.Write(b) }
func (s *script) Close() error                { return nil }

// standInModulus has the size of an RSA key of 2048 bits. Nobody has its factors;
// the stand-in's signatures are never looked at.
var standInModulus = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 2048), big.NewInt(1))

// standIn returns a certificate with an RSA key, or, for nil, an ECDSA key.
func standIn(public *rsa.PublicKey) tls.Certificate {
	issuer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil { // crypto/rand does not fail
		return tls.Certificate{}
	}
	key := crypto.Signer(issuer)
	if public != nil {
		key = unsigned{public}
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), issuer)
	if err != nil {
		return tls.Certificate{}
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// unsigned signs with zeros.
type unsigned struct{ public *rsa.PublicKey }

func (u unsigned) Public() crypto.PublicKey { return u.public }
func (u unsigned) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return make([]byte, u.public.Size()), nil
}
