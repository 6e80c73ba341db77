package mta

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"
)

// Recipients answers Postfix's socketmap protocol (socketmap_table(5)): whether an address is that of an account.
type Recipients struct {
	// Lookup reports whether there is an account of this address. An error means that nothing was found out; mail is then deferred.
	Lookup func(ctx context.Context, address string) (bool, error)

	// Logger, if not nil, is told of connections that break the protocol.
	Logger *slog.Logger

	server
}

const maxLookup = 100_000 // bytes, Postfix's own bound

// Serve accepts connections until the listener is closed by [Recipients.Close]; then it returns nil.
func (r *Recipients) Serve(l net.Listener) error { return r.serve(l, r.handle) }

func (r *Recipients) handle(ctx context.Context, conn net.Conn) error {
	in := bufio.NewReader(conn)
	for {
		request, err := readNetstring(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return logged(r.Logger, "socketmap", err)
		}
		reply := r.answer(ctx, request)
		conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := fmt.Fprintf(conn, "%d:%s,", len(reply), reply); err != nil {
			return err
		}
	}
}

// answer looks up the key of "name key"; the name of the map does not matter.
func (r *Recipients) answer(ctx context.Context, request string) string {
	_, key, ok := strings.Cut(request, " ")
	if !ok {
		return "PERM the request has no key"
	}
	found, err := r.Lookup(ctx, key)
	switch {
	case err != nil:
		return "TEMP the users are not available"
	case found:
		return "OK " + key
	}
	return "NOTFOUND "
}

// readNetstring reads LENGTH:text, .
func readNetstring(in *bufio.Reader) (string, error) {
	var length []byte
	for {
		b, err := in.ReadByte()
		if err != nil {
			if len(length) > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		if b == ':' {
			break
		}
		if length = append(length, b); len(length) > 6 {
			return "", errors.New("a length of too many digits")
		}
	}
	n, err := strconv.ParseUint(string(length), 10, 32)
	if err != nil || n > maxLookup || len(length) > 1 && length[0] == '0' {
		return "", errors.New("a length that is none")
	}
	text := make([]byte, n+1)
	if _, err := io.ReadFull(in, text); err != nil {
		return "", err
	}
	if text[n] != ',' {
		return "", errors.New("no comma at the end")
	}
	return string(text[:n]), nil
}
