package mta

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	writeTimeout   = 10 * time.Second
	maxConnections = 1000
)

// server accepts connections and ends them.
type server struct {
	mu        sync.Mutex // guards the following fields
	closed    bool
	listeners []net.Listener
	conns     map[net.Conn]bool
	count     int
	running   sync.WaitGroup
}

func (s *server) serve(l net.Listener, handle func(context.Context, net.Conn) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return l.Close()
	}
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err != nil {
			if s.isClosed() {
				return nil
			}
			return err
		}
		if !s.add(conn) {
			conn.Close()
			continue
		}
		go func() {
			defer s.remove(conn)
			handle(ctx, conn)
		}()
	}
}

func (s *server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *server) add(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxConnections {
		return false
	}
	if s.conns == nil {
		s.conns = map[net.Conn]bool{}
	}
	s.conns[conn] = true
	s.count++
	s.running.Add(1)
	return true
}

func (s *server) remove(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	s.running.Done()
}

// number counts connections.
func (s *server) number() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Close ends all connections and stops accepting others.
func (s *server) Close() error {
	s.mu.Lock()
	s.closed = true
	var errs []error
	for _, l := range s.listeners {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
	return errors.Join(errs...)
}

// logged tells the logger of an error, and returns it.
func logged(l *slog.Logger, what string, err error) error {
	if err != nil && l != nil && !errors.Is(err, net.ErrClosed) {
		l.Warn(what+": connection broken off", "error", err)
	}
	return err
}
