package imapserver

import (
	"math"
	"time"
)

// Unlimited, as the value of a field of [Limits], takes the limit away; as one of [Timeouts], the time-out.
const Unlimited = -1

// Limits bounds what clients may use. The zero value has the default of each field.
type Limits struct {
	// Connections is how many connections are served at once. If zero, 20000.
	Connections int
	// ConnectionsPerAddress is how many of them may come from one address (for IPv6: from one /64). If zero, 200.
	ConnectionsPerAddress int
	// ConnectionsPerAccount is how many of them may be logged in to one account. If zero, 100.
	ConnectionsPerAccount int
	// MessageSize is the largest message that APPEND takes, in octets as the client sends them. If zero, 64 MiB.
	MessageSize int64
	// CommandLine is the length of one line of a command after login, in octets. If zero, 64 KiB. Before login it is
	// at most 16 KiB.
	CommandLine int64
	// Literal is the size of a literal other than a message, in octets. If zero, 64 KiB. Before login it is at most
	// 16 KiB.
	Literal int64
	// OldViews is how much memory the sessions of one account may hold, in octets, for what their clients know of messages that have
	// changed since. Sessions that are furthest behind end. If zero, 64 MiB.
	OldViews int64
	// SearchKeys is how many keys one SEARCH may have. If zero, 1000.
	SearchKeys int
	// AuthFailures is how many failed logins end a connection. If zero, 4.
	AuthFailures int
	// BadCommands is how many faulty commands in a row end a connection; before login, how many in all and at most 8. If zero, 50.
	BadCommands int
}

// Timeouts bounds how long clients may take. The zero value has the default of each field.
type Timeouts struct {
	// Handshake bounds a TLS handshake. If zero, 30 seconds.
	Handshake time.Duration
	// Login bounds the time from the connection to the end of a successful login. If zero, 2 minutes.
	Login time.Duration
	// Idle is how long a logged in client may be silent, also in IDLE. RFC 9051, section 5.4, wants at least 30 minutes. If zero,
	// 35 minutes.
	Idle time.Duration
	// Command bounds the time from the first octet of a command to its last; a literal adds a second for each KiB. If zero, 2 minutes.
	Command time.Duration
	// Write is how long a client may take no octet of what it is sent. If zero, 2 minutes.
	Write time.Duration
	// Progress is how often a client is told how far a long command has come (RFC 9585, section 4). If zero, 10 seconds.
	Progress time.Duration
}

// preAuthLine bounds lines and literals of clients that have not logged in, so that such a connection costs at most
// 64 KiB of memory.
const preAuthLine = 16 << 10

// preAuthBadCommands bounds faulty commands before login: what sends them is not a mail program.
const preAuthBadCommands = 8

// preAuthCommands bounds all commands before login.
const preAuthCommands = 100

// maxKeyword bounds the length of a keyword, in octets.
const maxKeyword = 255

// Values that no use reaches.
const (
	noCount = math.MaxInt32
	noSize  = math.MaxInt64 / 2
	never   = time.Duration(math.MaxInt64 / 2)
)

// or returns v, or def where v is zero, or most where v is Unlimited.
func or[T ~int | ~int64](v, def, most T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return most
	}
	return v
}

// withDefaults returns l with each zero replaced.
func (l Limits) withDefaults() Limits {
	return Limits{
		Connections:           or(l.Connections, 20000, noCount),
		ConnectionsPerAddress: or(l.ConnectionsPerAddress, 200, noCount),
		ConnectionsPerAccount: or(l.ConnectionsPerAccount, 100, noCount),
		MessageSize:           or(l.MessageSize, 64<<20, noSize),
		CommandLine:           or(l.CommandLine, 64<<10, noSize),
		Literal:               or(l.Literal, 64<<10, noSize),
		OldViews:              or(l.OldViews, 64<<20, noSize),
		SearchKeys:            or(l.SearchKeys, 1000, noCount),
		AuthFailures:          or(l.AuthFailures, 4, noCount),
		BadCommands:           or(l.BadCommands, 50, noCount),
	}
}

// withDefaults returns t with each zero replaced.
func (t Timeouts) withDefaults() Timeouts {
	return Timeouts{
		Handshake: or(t.Handshake, 30*time.Second, never),
		Login:     or(t.Login, 2*time.Minute, never),
		Idle:      or(t.Idle, 35*time.Minute, never),
		Command:   or(t.Command, 2*time.Minute, never),
		Write:     or(t.Write, 2*time.Minute, never),
		Progress:  or(t.Progress, 10*time.Second, never),
	}
}
