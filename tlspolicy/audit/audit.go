package audit

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/hello"
)

// Options are the options of [Run]. The zero value is ready to use.
type Options struct {
	Protocol   Protocol       // what is spoken; if "", what belongs to the port
	Name       string         // the server's name, which its certificate must have; if "", the host of the address
	Names      []string       // more names to ask for certificates, and to try to resume sessions under
	Others     []string       // more addresses, HOST:PORT, at which to try to resume sessions; they speak the same protocol
	Roots      *x509.CertPool // what clients trust; nil: the roots of this system
	AllNumbers bool           // try all 65,536 numbers of suites and groups, not only those that are registered: some 100 connections more

	Timeout     time.Duration // for each connection; if zero, 10 seconds
	Concurrency int           // connections at a time; if zero, 4

	// Dial opens connections; if nil, net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// CAA reports whether DNS has a CAA record at exactly this name; if nil, nobody is asked.
	CAA func(ctx context.Context, name string) (bool, error)

	now func() time.Time
}

// auditor is one run.
type auditor struct {
	Options
	address string
	dialect dialect
	places  chan struct{} // as many as connections may be open

	mu     sync.Mutex // guards report but for its Versions, and what is found of them
	report *Report
	taken  map[uint16][]Group // by version
	order  map[uint16]bool    // by version: Version.ServerOrder

	replies map[uint16]map[uint16]hello.Reply // by version and suite; like report.Versions written by versions, then only read
}

// Run audits the server at address, HOST:PORT. It returns an error if the address
// or an option is wrong, if no TLS is spoken there at all, or if ctx ends; what
// else could not be looked at is listed in the report.
func Run(ctx context.Context, address string, o Options) (*Report, error) {
	a, err := newAuditor(address, o)
	if err != nil {
		return nil, err
	}
	begin := a.now()
	a.report.Time = begin.UTC().Truncate(time.Second)
	if err := a.versions(ctx); err != nil {
		return nil, err
	}
	// What depends on the versions, each by itself.
	var wait sync.WaitGroup
	for _, look := range []func(context.Context){a.ssl2, a.groups, a.orders, a.certificates, a.behaviour, a.sessions, a.renegotiation, a.protocols, a.injection, a.caa} {
		wait.Go(func() { look(ctx) })
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i := range a.report.Versions {
		v := &a.report.Versions[i]
		v.Groups, v.ServerOrder = a.taken[v.ID], a.order[v.ID]
	}
	a.still(ctx)
	a.judge()
	a.report.Seconds = a.now().Sub(begin).Seconds()
	return a.report, nil
}

func newAuditor(address string, o Options) (*auditor, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("audit: %q is not of the form HOST:PORT", address)
	}
	if o.Protocol == "" {
		if o.Protocol, err = protocolOf(address); err != nil {
			return nil, err
		}
	}
	if err := o.Protocol.known(); err != nil {
		return nil, err
	}
	if o.Name == "" {
		o.Name = host
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Concurrency == 0 {
		o.Concurrency = 4
	}
	if o.Timeout < 0 || o.Concurrency < 0 {
		return nil, errors.New("audit: neither Timeout nor Concurrency may be negative")
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.now == nil {
		o.now = time.Now
	}
	return &auditor{Options: o, address: address, dialect: dialects[o.Protocol], places: make(chan struct{}, o.Concurrency),
		report: newReport(address, o), taken: map[uint16][]Group{}, order: map[uint16]bool{}, replies: map[uint16]map[uint16]hello.Reply{}}, nil
}

// find adds a finding of the catalogue. detail says what was seen.
func (a *auditor) find(id, detail string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.add(id, fmt.Sprintf(detail, args...))
}

// unknown notes what could not be looked at.
func (a *auditor) unknown(what string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Unknown = append(a.report.Unknown, fmt.Sprintf("%s: %v", what, err))
}

// still notes if the server has stopped to answer, as those do that limit
// connections: then some of what was taken for a refusal was none.
func (a *auditor) still(ctx context.Context) {
	v := a.report.highest()
	r, err := a.ask(ctx, a.offer(v.ID, v.numbers()))
	if err == nil && r.Refused {
		err = errors.New("it refuses now what it has accepted before")
	}
	if err != nil {
		a.unknown("the server at the end of the run (it may limit connections: look again with fewer at a time)", err)
	}
}

// accepts reports whether the server takes a version.
func (a *auditor) accepts(version uint16) bool {
	return slices.ContainsFunc(a.report.Versions, func(v Version) bool { return v.ID == version })
}
