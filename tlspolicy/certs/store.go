package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy"
)

// Pair is a certificate chain with its key, in PEM files that may be the same.
type Pair struct {
	Cert, Key string
	Names     []string // serve it for these, before all other pairs; if nil, for the names in the certificate

	// LastResort has it served only where no other pair has a certificate, such as a self-signed one until the real one is there.
	LastResort bool
}

// Options are the options of [Open]. There must be a pair or a folder.
type Options struct {
	Policy  tlspolicy.Policy // what certificates it allows; the zero value is Intermediate
	Pairs   []Pair           // must be good when the store is opened
	Folders []string         // searched, again and again; what is not good is reported
	Default string           // whose certificate clients get that ask for no name or an unknown one; if "", the first pair's
	Exact   bool             // refuse clients that ask for an unknown name (alert unrecognized_name)
	Logger  *slog.Logger     // if nil, nobody hears of changes and problems; see Status

	// Check, if not nil, is called with each chain before it is used, leaf first.
	// An error has it refused, such as by package lint.
	Check func(file string, chain []*x509.Certificate) error
}

// Store holds the certificates of a server. All methods may be called by many
// goroutines.
type Store struct {
	options Options
	table   atomic.Pointer[table]
	stop    chan struct{}
	done    chan struct{}

	mu      sync.Mutex // guards the following
	folders []*folder
	pairs   map[files]*pair
	looks   int
	order   []files // of pairs: those of Options first, then by path
}

// Status tells about one pair of files.
type Status struct {
	Cert, Key string
	Chain     []*x509.Certificate // in use, leaf first; nil if there is none
	Since     time.Time           // when it was loaded
	Problem   error               // why what lies there now is not in use, or nil
	Default   bool                // clients without a known name get this one
}

// Open loads all certificates and begins to follow their files. A pair of
// Options.Pairs that cannot be used is an error, and so is it if there is no
// certificate at all.
func Open(o Options) (*Store, error) { return open(o, interval) }

func open(o Options, every time.Duration) (*Store, error) {
	if len(o.Pairs) == 0 && len(o.Folders) == 0 {
		return nil, errors.New("certs: neither a pair of files nor a folder is given")
	}
	for i, p := range o.Pairs {
		if slices.ContainsFunc(o.Pairs[:i], func(q Pair) bool { return q.Cert == p.Cert && q.Key == p.Key }) {
			return nil, fmt.Errorf("certs: the pair of %s and %s is given twice", p.Cert, p.Key)
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{options: o, stop: make(chan struct{}), done: make(chan struct{}), pairs: map[files]*pair{}}
	for _, dir := range o.Folders {
		s.folders = append(s.folders, &folder{path: filepath.Clean(dir)})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.look(time.Now(), true); err != nil {
		return nil, err
	}
	for _, p := range o.Pairs {
		if p := s.pairs[files{p.Cert, p.Key}]; p.problem != nil {
			return nil, fmt.Errorf("certs: %w", p.problem)
		}
	}
	t := s.table.Load()
	if t.fallback == nil {
		if o.Default != "" && len(t.names)+len(t.wildcards) > 0 {
			return nil, fmt.Errorf("certs: no certificate is for the default name %q", o.Default)
		}
		return nil, fmt.Errorf("certs: there is no certificate that can be used: %w", s.firstProblem())
	}
	go s.follow(every)
	return s, nil
}

// firstProblem says why there is no certificate.
func (s *Store) firstProblem() error {
	for _, f := range s.order {
		if p := s.pairs[f]; p.problem != nil {
			return p.problem
		}
	}
	return fmt.Errorf("no certificate with a key beside it in %q", s.options.Folders)
}

// GetCertificate returns the certificate for a client; it is meant for
// [tlspolicy.Policy.ServerBy] and tls.Config. The result is not to be changed.
func (s *Store) GetCertificate(client *tls.ClientHelloInfo) (*tls.Certificate, error) {
	t := s.table.Load()
	e := t.find(client.ServerName)
	if e == nil && (!s.options.Exact || client.ServerName == "") {
		e = t.fallback
	}
	if e == nil {
		return nil, nil // crypto/tls answers with unrecognized_name
	}
	return e.choose(client), nil
}

// Reload looks at all files at once. It returns what is wrong with any of them, joined.
func (s *Store) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.look(time.Now(), true)
	for _, f := range s.order {
		if p := s.pairs[f]; p.problem != nil {
			err = errors.Join(err, p.problem)
		}
	}
	return err
}

// Status tells about every pair, those of Options.Pairs first, then by path.
func (s *Store) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	fallback := s.table.Load().fallback
	var all []Status
	for _, f := range s.order {
		p := s.pairs[f]
		status := Status{Cert: f.cert, Key: f.key, Problem: p.problem}
		if p.current != nil {
			status.Chain, status.Since = p.current.chain, p.current.since
			for _, c := range fallback.certs {
				status.Default = status.Default || c == &p.current.cert
			}
		}
		all = append(all, status)
	}
	return all
}

// Close ends following the files. Certificates are served on.
func (s *Store) Close() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	<-s.done
}

const (
	interval = 500 * time.Millisecond
	share    = 20 // looking takes at most one part of so many of one processor's time
)

func (s *Store) follow(every time.Duration) {
	defer close(s.done)
	for wait := every; ; {
		select {
		case <-s.stop:
			return
		case <-time.After(wait):
		}
		begin := time.Now()
		s.mu.Lock()
		if err := s.look(begin, false); err != nil {
			s.options.Logger.Warn("certificates: a folder cannot be read", "error", err)
		}
		s.mu.Unlock()
		wait = max(every, share*time.Since(begin))
	}
}
