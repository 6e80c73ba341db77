package acme

import (
	"context"

	"github.com/mholt/acmez/v3/acme"
)

// DNS publishes TXT records. Its methods may be called at the same time; two records of one name, with different values, may stand side by side.
type DNS interface {
	// Publish makes the record, and returns when the authority can see it, on all servers of the zone.
	Publish(ctx context.Context, name, value string) error
	// Withdraw removes it. It is called also if Publish has failed.
	Withdraw(ctx context.Context, name, value string) error
}

// dnsSolver is a DNS as acmez wants it.
type dnsSolver struct{ dns DNS }

// Present must be quick, so the work is done in Wait.
func (dnsSolver) Present(context.Context, acme.Challenge) error { return nil }

func (s dnsSolver) Wait(ctx context.Context, c acme.Challenge) error {
	return s.dns.Publish(ctx, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization())
}

func (s dnsSolver) CleanUp(ctx context.Context, c acme.Challenge) error {
	return s.dns.Withdraw(ctx, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization())
}
