package audit

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// renegotiation looks whether a client of TLS 1.2 can have the server begin anew
// inside a session, again and again, each time at the cost of a handshake
// (CVE-2011-1473). crypto/tls does not offer that: the second ClientHello is
// written and sealed here.
func (a *auditor) renegotiation(ctx context.Context) {
	if !a.accepts(tls.VersionTLS12) {
		return
	}
	yes, err := a.renegotiates(ctx)
	switch {
	case err != nil:
		a.unknown("renegotiation by the client", err)
	case yes:
		a.find("client-renegotiation", "the server begins a second handshake inside a session when a client asks for it")
	}
}

func (a *auditor) renegotiates(ctx context.Context) (bool, error) {
	var log bytes.Buffer
	config := a.lax()
	config.MaxVersion, config.KeyLogWriter = tls.VersionTLS12, &log
	config.CipherSuites = []uint16{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	}
	conn, end, err := a.connect(ctx, a.address, "")
	if err != nil {
		return false, err
	}
	defer end()
	t := &tap{Conn: conn}
	client := tls.Client(t, config)
	if err := client.HandshakeContext(ctx); err != nil {
		return false, err
	}
	random, secret := secrets(log.Bytes())
	s, err := newSealer(client.ConnectionState().CipherSuite, secret["CLIENT_RANDOM"], random, serverRandom(t.in.Bytes()))
	if err != nil {
		return false, err
	}
	verify, err := verifyData(t.out.Bytes(), s)
	if err != nil {
		return false, err
	}
	second := a.offer(tls.VersionTLS12, config.CipherSuites)
	second.Verify = verify
	// Without the header of its record; the client's Finished was number 0.
	if _, err := conn.Write(s.seal(recordHandshake, 1, second.Bytes()[5:])); err != nil {
		return false, err
	}
	return beginsAnew(conn, min(goodbyeWait, a.Timeout))
}

// serverRandom returns the random of a ServerHello, the first thing that a server sends.
func serverRandom(fromServer []byte) []byte {
	const before = 5 + 4 + 2
	if len(fromServer) < before+32 {
		return nil
	}
	return fromServer[before : before+32]
}

// verifyData returns what the client's Finished says (RFC 5746, section 3.5 wants it in the next ClientHello).
func verifyData(fromClient []byte, s *sealer) ([]byte, error) {
	sealed := false
	for kind, body := range records(fromClient) {
		if kind == recordHandshake && sealed {
			plain, err := s.open(kind, 0, body)
			if err != nil {
				return nil, err
			}
			for kind, data := range messages(plain) {
				if kind == typeFinished {
					return data, nil
				}
			}
		}
		sealed = sealed || kind == recordChangeCipher
	}
	return nil, errors.New("the session has no Finished")
}

// maxSkipped bounds the records of data that a server may send before it answers.
const maxSkipped = 32

// beginsAnew reads the types of records, which are in clear: a handshake message
// is a ServerHello. A server that refuses sends an alert, ends the connection, or does nothing.
func beginsAnew(conn net.Conn, wait time.Duration) (bool, error) {
	conn.SetReadDeadline(time.Now().Add(wait))
	head := make([]byte, 5)
	for range maxSkipped {
		_, err := io.ReadFull(conn, head)
		var timeout net.Error
		if refusal(err) || errors.As(err, &timeout) && timeout.Timeout() {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if head[0] != recordData {
			return head[0] == recordHandshake, nil
		}
		if _, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint16(head[3:]))); err != nil {
			return false, nil
		}
	}
	return false, nil
}
