package audit

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/hello"
)

// connect opens a connection at address and brings it to where TLS begins. It
// waits until fewer than Options.Concurrency are open; end gives the place back.
func (a *auditor) connect(ctx context.Context, address, more string) (conn net.Conn, end func(), err error) {
	select {
	case a.places <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	end = func() {
		cancel()
		<-a.places
	}
	c, err := a.Dial(ctx, "tcp", address)
	if err != nil {
		end()
		return nil, nil, err
	}
	free := end
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	end = func() {
		stop()
		c.Close()
		free()
	}
	deadline, _ := ctx.Deadline()
	c.SetDeadline(deadline)
	if err := a.dialect.startTLS(c, more); err != nil {
		end()
		return nil, nil, err
	}
	return c, end, nil
}

// refusal reports whether a server has ended a connection, as some do instead of sending an alert.
func refusal(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// ask sends a ClientHello and returns what the server answers before it encrypts.
// That a server refuses is no error.
func (a *auditor) ask(ctx context.Context, h hello.Hello) (hello.Reply, error) {
	conn, end, err := a.connect(ctx, a.address, "")
	if err != nil {
		return hello.Reply{}, err
	}
	defer end()
	var r hello.Reply
	if _, err = conn.Write(h.Bytes()); err == nil {
		r, err = hello.Read(conn)
	}
	switch {
	case err == nil:
	case r.Version != 0 && refusal(err):
		// It said hello and broke off. That counts for what was said.
	case refusal(err):
		r.Refused = true
	default:
		return r, err
	}
	return r, nil
}

// exchange is one session of crypto/tls.
type exchange struct {
	address string // "": the audited one
	config  *tls.Config
	more    string // sent with STARTTLS
}

// outcome is what came of it.
type outcome struct {
	state tls.ConnectionState
	tap   *tap
	text  []byte // what the server said inside TLS, after the protocol's goodbye was said
}

const maxText = 64 << 10

// goodbyeWait is how long a server may take to end a session that we have ended.
const goodbyeWait = 3 * time.Second

// run makes a handshake, ends the session by the words of its protocol and reads
// what the server says up to then.
func (a *auditor) run(ctx context.Context, x exchange) (outcome, error) {
	if x.address == "" {
		x.address = a.address
	}
	conn, end, err := a.connect(ctx, x.address, x.more)
	if err != nil {
		return outcome{}, err
	}
	defer end()
	o := outcome{tap: &tap{Conn: conn}}
	client := tls.Client(o.tap, x.config)
	if err := client.HandshakeContext(ctx); err != nil {
		return o, err
	}
	o.state = client.ConnectionState()
	if bye := a.dialect.bye; bye != "" {
		if a.Protocol == HTTPS {
			bye = fmt.Sprintf(bye, a.Name)
		}
		io.WriteString(client, bye)
	}
	client.CloseWrite()
	conn.SetReadDeadline(time.Now().Add(min(goodbyeWait, a.Timeout)))
	o.text, _ = io.ReadAll(io.LimitReader(client, maxText)) // a server may end without saying so
	return o, nil
}

// lax is a configuration that accepts everything crypto/tls can do, from everybody.
func (a *auditor) lax() *tls.Config {
	c := &tls.Config{ServerName: a.Name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS13}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		c.CipherSuites = append(c.CipherSuites, s.ID)
	}
	return c
}

// tap keeps what goes over a connection, up to a bound.
type tap struct {
	net.Conn
	in, out bytes.Buffer // from the server, to it
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	keep(&t.in, b[:n])
	return n, err
}

func (t *tap) Write(b []byte) (int, error) {
	keep(&t.out, b)
	return t.Conn.Write(b)
}

func keep(to *bytes.Buffer, b []byte) {
	to.Write(b[:max(0, min(len(b), maxTap-to.Len()))])
}

const maxTap = 512 << 10
