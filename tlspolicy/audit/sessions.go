package audit

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"time"
)

// Sessions is what is known of the resumption of sessions.
type Sessions struct {
	Tickets    bool          `json:"tickets"`
	TicketLife time.Duration `json:"-"`               // the longest that a ticket says; 0: they do not say
	Seconds    int64         `json:"ticket_seconds"`  // the same
	Resumes    bool          `json:"resumes"`         // a ticket opens a second session
	Elsewhere  []string      `json:"resumes_as_well"` // names and addresses where it does so, too
}

// oneSession is a session cache of one place, which gives its session to whoever asks.
type oneSession struct{ session *tls.ClientSessionState }

func (k *oneSession) Get(string) (*tls.ClientSessionState, bool)    { return k.session, k.session != nil }
func (k *oneSession) Put(_ string, session *tls.ClientSessionState) { k.session = session }

// sessions gets a ticket of each version and tries it here, under other names and at other addresses.
func (a *auditor) sessions(ctx context.Context) {
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		if !a.accepts(version) {
			continue
		}
		if err := a.tickets(ctx, version); err != nil {
			a.unknown("session tickets of "+tls.VersionName(version), err)
		}
	}
}

func (a *auditor) tickets(ctx context.Context, version uint16) error {
	var log bytes.Buffer
	kept := &oneSession{}
	config := a.lax()
	config.MinVersion, config.MaxVersion = version, version
	config.ClientSessionCache, config.KeyLogWriter = kept, &log
	o, err := a.run(ctx, exchange{config: config})
	if err != nil {
		return err
	}
	_, secret := secrets(log.Bytes())
	seconds, ok := clearTicket(o.tap.in.Bytes())
	if version == tls.VersionTLS13 {
		seconds, ok = sealedTicket(o.tap.in.Bytes(), o.state.CipherSuite, secret["SERVER_TRAFFIC_SECRET_0"])
	}
	if !ok && kept.session == nil {
		return nil
	}
	life := time.Duration(seconds) * time.Second
	resumes := func(address, name string) bool {
		again := config.Clone()
		again.KeyLogWriter, again.ServerName = nil, name
		again.ClientSessionCache = &oneSession{kept.session}
		o, err := a.run(ctx, exchange{address: address, config: again})
		return err == nil && o.state.DidResume
	}
	here, elsewhere := resumes("", a.Name), []string(nil)
	for _, name := range a.Names {
		if resumes("", name) {
			elsewhere = append(elsewhere, name)
		}
	}
	for _, address := range a.Others {
		if resumes(address, a.Name) {
			elsewhere = append(elsewhere, address)
		}
	}
	a.mu.Lock()
	s := &a.report.Sessions
	s.Tickets, s.Resumes = true, s.Resumes || here
	s.TicketLife = max(s.TicketLife, life)
	s.Seconds = int64(s.TicketLife / time.Second)
	for _, place := range elsewhere {
		if !slices.Contains(s.Elsewhere, place) {
			s.Elsewhere = append(s.Elsewhere, place)
		}
	}
	a.mu.Unlock()
	return nil
}

// injection sends a command in one packet with STARTTLS and looks whether the
// server takes it for one that came inside TLS (CVE-2011-0411).
func (a *auditor) injection(ctx context.Context) {
	if len(a.dialect.steps) == 0 {
		return
	}
	o, err := a.run(ctx, exchange{config: a.lax(), more: a.dialect.injected})
	switch {
	case err != nil && (refusal(err) || errors.As(err, new(tls.RecordHeaderError))):
		// It breaks off, or answers in clear: nothing was taken into TLS.
	case err != nil:
		a.unknown("injection before STARTTLS", err)
	case a.dialect.proof.Match(o.text):
		a.find("starttls-injection", "%q, sent in clear in one packet with STARTTLS, is answered inside TLS", a.dialect.injected)
	}
}
