package main

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/mailhavn/mailhavn/pgp/wkd"
)

// keyDirectory publishes the keys of all accounts as a Web Key Directory over HTTPS.
type keyDirectory struct {
	store  *store
	logger *slog.Logger
	server http.Server

	mu        sync.Mutex // guards the following fields
	read      time.Time  // when the folder of keys had last changed when it was read
	published *wkd.Directory
}

func newKeyDirectory(s *store, tls *tls.Config, logger *slog.Logger) *keyDirectory {
	d := &keyDirectory{store: s, logger: logger}
	d.server = http.Server{Handler: d, TLSConfig: tls, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug)}
	return d
}

func (d *keyDirectory) serve(l net.Listener) error {
	err := d.server.ServeTLS(l, "", "")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (d *keyDirectory) close() error { return d.server.Close() }

// ServeHTTP implements http.Handler.
func (d *keyDirectory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Strict-Transport-Security", "max-age=63072000") // two years, as Mozilla's guidelines 6.0 want
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	d.current().ServeHTTP(w, r)
}

// current is the directory of the keys as they are. They are read anew when a key was set or removed.
func (d *keyDirectory) current() *wkd.Directory {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := time.Time{}
	if info, err := os.Stat(string(d.store.keys())); err == nil {
		changed = info.ModTime()
	}
	if d.published != nil && changed.Equal(d.read) {
		return d.published
	}
	published := &wkd.Directory{}
	for _, info := range d.store.unit.Accounts() {
		k, err := d.store.keys().of(info.ID)
		if k != nil {
			err = published.Publish(info.Name, time.Now(), k)
		}
		if err != nil {
			d.logger.Warn("wkd: a key is not published", "account", info.Name, "error", err)
		}
	}
	d.published, d.read = published, changed
	return published
}
