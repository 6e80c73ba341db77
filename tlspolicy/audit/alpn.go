package audit

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// protocols looks at ALPN. The answer of TLS 1.3 is encrypted, so crypto/tls asks.
func (a *auditor) protocols(ctx context.Context) {
	const foreign = "mailhavn-audit"
	config := a.lax()
	config.NextProtos = a.dialect.alpn
	own, err := a.run(ctx, exchange{config: config})
	if err != nil {
		a.unknown("ALPN", err)
		return
	}
	config = a.lax()
	config.NextProtos = []string{foreign}
	_, err = a.run(ctx, exchange{config: config})
	if err != nil && !refusal(err) && !alerted(err) {
		a.unknown("ALPN", err)
		return
	}
	agreed := own.state.NegotiatedProtocol
	if err == nil {
		detail := "a client that offers an unknown application protocol only is served"
		if agreed != "" {
			detail += fmt.Sprintf(", though the server knows ALPN (it agrees on %q)", agreed)
		}
		a.find("alpn-lax", "%s", detail)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.ALPN, a.report.ALPNStrict = agreed, err != nil
}

// alerted reports whether a handshake of crypto/tls has ended by an alert of the server.
func alerted(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
