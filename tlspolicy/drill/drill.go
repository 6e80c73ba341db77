package drill

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy"
)

// Drill is what is done after one incident, and with what. Installer, Issuer and Dir must be set. A part that is nil is left out, and the plan
// shows that it is.
type Drill struct {
	Dir       string    // of this incident alone; made if missing. The same folder means: go on with it.
	Installer Installer // where certificates are served
	Issuer    Issuer    // who issues and revokes them
	Tickets   TicketDropper
	Accounts  Accounts
	Sessions  SessionCloser

	Parallel int          // certificates that are worked on at the same time; if zero, 4
	Logger   *slog.Logger // hears of each step; if nil, only the log file does

	disk disk             // nil: that of the system
	now  func() time.Time // nil: time.Now
}

// Certificate is one that the host serves.
type Certificate struct {
	Name     string            // tells it from the others, also after a restart; such as the path of its file
	Services []string          // which serve it, for people to read; may be nil
	Leaf     *x509.Certificate // what is served now
}

// Installer knows the certificates of all services of the host.
type Installer interface {
	// Certificates returns those that are served now.
	Certificates(context.Context) ([]Certificate, error)
	// Install has pair served instead of the certificate called name, by all its services. When it returns nil, new connections get the pair, and
	// would after a restart. It may be called again with the same pair. It may be called for different names at the same time.
	Install(ctx context.Context, name string, pair tls.Certificate) error
}

// Issuer is a certification authority, or stands before one. Its methods may be called at the same time.
type Issuer interface {
	// Issue returns a certificate for the names of old and the key, followed by the chain above it, in DER. It may be called again with the same
	// arguments after an interruption.
	Issue(ctx context.Context, old *x509.Certificate, key crypto.Signer) (chain [][]byte, err error)
	// Revoke revokes a certificate for the reason keyCompromise (RFC 5280, section 5.3.1: 1). One that is revoked already is no error.
	// [errors.ErrUnsupported] says that such certificates cannot be revoked, which the log notes.
	Revoke(ctx context.Context, old *x509.Certificate) error
}

// TicketDropper forgets the keys of session tickets of all services, machines of a cluster included.
type TicketDropper interface {
	DropTickets(context.Context) error
}

// TicketKeys are ticket keys of this process.
type TicketKeys []*tlspolicy.Tickets

// DropTickets implements [TicketDropper].
func (k TicketKeys) DropTickets(context.Context) error {
	for _, t := range k {
		t.Drop()
	}
	return nil
}

// Accounts are the users of the host.
type Accounts interface {
	// Next returns up to n names of users that come after a name, in an order that does not change; "" is before all. None means: there are no more.
	Next(ctx context.Context, after string, n int) ([]string, error)
	// RequireChange makes the passwords of these users useless until they are changed, their app passwords and web sessions for good, unless they are
	// newer than a time. Users who do not exist any more are no error. It may be called again.
	RequireChange(ctx context.Context, names []string, since time.Time) error
}

// SessionCloser ends connections.
type SessionCloser interface {
	// CloseSessions ends all sessions that were opened or resumed before a time, and tells how many. It may be called again.
	CloseSessions(ctx context.Context, before time.Time) (int, error)
}

// ErrIncomplete is what the error of [Drill.Run] wraps if steps are left over. Calling Run again does those.
var ErrIncomplete = errors.New("the drill is not complete; remove the causes and run it again")

// ErrRunning says that the drill of this folder runs already.
var ErrRunning = errors.New("this drill is running already")

// Plan tells what [Drill.Run] would do now. If the drill has begun, that is what its log says is left. Nothing is changed.
func (d *Drill) Plan(ctx context.Context) (*Plan, error) {
	d, err := d.complete()
	if err != nil {
		return nil, err
	}
	s, _, err := readLog(d.Dir)
	if err == nil && s == nil {
		s, err = d.begin(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s.plan(), nil
}

// Run carries the drill out, or goes on with it where its log ends, and returns what was done. If the drill is complete already, nothing is done. Else, if
// steps have failed, the error wraps [ErrIncomplete] and tells each, and so does the plan; any other error means that it could not go on, such
// as for a full disk.
func (d *Drill) Run(ctx context.Context) (*Plan, error) {
	d, err := d.complete()
	if err != nil {
		return nil, err
	}
	if err := d.disk.MkdirAll(d.Dir); err != nil {
		return nil, fmt.Errorf("drill: %w", err)
	}
	unlock, err := lock(d.Dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, size, err := readLog(d.Dir)
	if err != nil {
		return nil, err
	}
	if s == nil {
		if s, err = d.begin(ctx); err != nil {
			return nil, err
		}
		if size, err = createLog(d.disk, d.Dir, s); err != nil {
			return nil, err
		}
	}
	if err := d.fits(s); err != nil {
		return nil, err
	}
	l, err := openLog(d.disk, d.Dir, size)
	if err != nil {
		return nil, err
	}
	r := &run{drill: d, state: s, log: l}
	err = errors.Join(r.all(ctx), l.close())
	return s.plan(), err
}

// complete returns a copy of d with all that is needed.
func (d *Drill) complete() (*Drill, error) {
	c := *d
	switch {
	case c.Dir == "":
		return nil, errors.New("drill: Dir is not set: it is the folder of this incident")
	case c.Installer == nil || c.Issuer == nil:
		return nil, errors.New("drill: Installer and Issuer must be set")
	}
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.disk == nil {
		c.disk = systemDisk{}
	}
	if c.now == nil {
		c.now = time.Now
	}
	return &c, nil
}

// begin returns the state of a drill that has not begun.
func (d *Drill) begin(ctx context.Context) (*state, error) {
	certs, err := d.Installer.Certificates(ctx)
	if err != nil {
		return nil, fmt.Errorf("drill: which certificates are served: %w", err)
	}
	b := beginning{Format: logFormat, Started: d.now().UTC(), Tickets: d.Tickets != nil, Accounts: d.Accounts != nil, Sessions: d.Sessions != nil}
	for _, c := range certs {
		if c.Leaf == nil || c.Name == "" {
			return nil, fmt.Errorf("drill: certificate %q has no name or no leaf", c.Name)
		}
		b.Certificates = append(b.Certificates, certificateRecord{Name: c.Name, Services: c.Services, Leaf: c.Leaf.Raw})
	}
	return newState(b)
}

// fits reports a part that the log has and d lacks: a drill cannot be completed with less than it was begun with.
func (d *Drill) fits(s *state) error {
	for _, part := range []struct {
		field        string
		wanted, have bool
	}{
		{"Tickets", s.Tickets, d.Tickets != nil},
		{"Accounts", s.Accounts, d.Accounts != nil},
		{"Sessions", s.Sessions, d.Sessions != nil},
	} {
		if part.wanted && !part.have {
			return fmt.Errorf("drill: %s was begun with %s, which is nil now", d.Dir, part.field)
		}
	}
	return nil
}
