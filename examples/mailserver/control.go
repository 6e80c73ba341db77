package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// The control socket carries one request a connection: a line of JSON in, lines of JSON out, of which the last has End. Who may
// connect is decided by the permissions of the socket, which only the server's own user has.

// answer is one line from the server.
type answer struct {
	Line     string `json:"line,omitempty"` // for people
	End      bool   `json:"end,omitempty"`
	Error    string `json:"error,omitempty"`    // with End: why it failed
	Findings bool   `json:"findings,omitempty"` // with End: the lines are findings
}

const (
	maxRequest     = 64 << 10
	requestTimeout = 10 * time.Second
)

// controlServer answers requests on the control socket.
type controlServer struct {
	admin    *admin
	logger   *slog.Logger
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	wait     sync.WaitGroup
}

// listenControl opens the socket. The caller owns the unit, so a socket that is there already is nobody's.
func listenControl(a *admin, logger *slog.Logger) (*controlServer, error) {
	path := filepath.Join(a.store.dir, controlFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := listenUnix(path, 0o600)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	s := &controlServer{admin: a, logger: logger, listener: l}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wait.Go(s.serve)
	return s, nil
}

// close refuses new requests and ends those that run.
func (s *controlServer) close() {
	s.listener.Close()
	s.cancel()
	s.wait.Wait()
}

func (s *controlServer) serve() {
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.logger.Warn("control: cannot accept a connection", "error", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		s.wait.Go(func() { s.answer(c) })
	}
}

// answer carries out the request of one connection. When the client goes away, the request's context ends.
func (s *controlServer) answer(c net.Conn) {
	defer c.Close()
	defer context.AfterFunc(s.ctx, func() {
		c.SetReadDeadline(time.Unix(1, 0))
		c.SetWriteDeadline(time.Now().Add(requestTimeout))
	})()
	c.SetReadDeadline(time.Now().Add(requestTimeout))
	in := bufio.NewReader(io.LimitReader(c, maxRequest))
	var r request
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	enc := json.NewEncoder(c)
	if err != nil {
		enc.Encode(answer{End: true, Error: "malformed request"})
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	c.SetReadDeadline(time.Time{})
	s.wait.Go(func() {
		io.Copy(io.Discard, c)
		cancel()
	})
	s.logger.Info("control", "command", r.Command, "name", r.Name)
	err = s.admin.do(ctx, r, func(line string) { enc.Encode(answer{Line: line}) })
	end := answer{End: true}
	switch {
	case errors.Is(err, errFindings):
		end.Findings = true
	case err != nil:
		end.Error = explain(err).Error()
	}
	enc.Encode(end)
}

// errNoServer says that nobody listens on the control socket.
var errNoServer = errors.New("no server runs")

// askServer sends a request to the server that runs on a data folder; errNoServer if none does.
func askServer(dir string, r request, out func(string)) error {
	c, err := net.Dial("unix", filepath.Join(dir, controlFile))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EINVAL) {
		return errNoServer
	}
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	defer c.Close()
	if err := json.NewEncoder(c).Encode(r); err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	for dec := json.NewDecoder(c); ; {
		var a answer
		switch err := dec.Decode(&a); {
		case err != nil:
			return fmt.Errorf("the server ended before it had answered (%w); whether the command was done is unknown, give it again", err)
		case !a.End:
			out(a.Line)
		case a.Findings:
			return errFindings
		case a.Error != "":
			return errors.New(a.Error)
		default:
			return nil
		}
	}
}
