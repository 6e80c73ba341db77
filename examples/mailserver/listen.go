package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// maxSocketPath is the longest path of a Unix socket that all systems take.
const maxSocketPath = 103

// listen opens the listener of one service at HOST:PORT or unix:PATH. Its errors say what to do.
func listen(service, addr string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if err := removeStale(path); err != nil {
			return nil, fmt.Errorf("%s: %w", service, err)
		}
		// Like a port on loopback: whoever reaches the folder may deliver. The MTA runs as another user.
		l, err := listenUnix(path, 0o666)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", service, err)
		}
		return l, nil
	}
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is in use by another program; stop it or choose another address with --%[1]s", service, addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: %s is no address of this machine", service, addr)
	case errors.Is(err, syscall.EACCES): // not wrapped: it is not the data folder's permissions
		return nil, fmt.Errorf("%s: ports below 1024, as in %s, need a privilege: choose a higher one, or give the program the capability CAP_NET_BIND_SERVICE", service, addr)
	case err != nil:
		return nil, fmt.Errorf("%s: cannot listen on %q: %w", service, addr, err)
	}
	return l, nil
}

func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("%s is too long for the path of a socket: %d bytes, at most %d", path, len(path), maxSocketPath)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket that a killed server left. One that somebody listens on stays, and so does any other file.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s exists and is no socket", path)
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return fmt.Errorf("%s is in use by another program", path)
	}
	return os.Remove(path)
}

// addressOf is a listener's address as the ready line shows it.
func addressOf(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "unix:" + l.Addr().String()
	}
	return l.Addr().String()
}
