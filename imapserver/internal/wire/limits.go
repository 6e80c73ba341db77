package wire

import "math"

// Unlimited, as the value of a limit, takes the limit away.
const Unlimited = -1

// Limits bounds what one command may cost. A field that is zero has the default named there, safe for a
// client that has not logged in: with all of them one command keeps less than 64 KiB in memory.
type Limits struct {
	// Line is the length of one line of a command in octets, literals excluded (RFC 2683, section 3.2.1.5
	// asks for at least 8000). If zero, 16384.
	Line int64
	// Literal is the size in octets of a literal that is read into memory, for instance a password. It
	// does not bound a streamed literal: that is for [Decoder.OnLiteral]. If zero, 16384.
	Literal int64
	// NonSync is the size in octets of a non-synchronising literal. If zero, 4096: LITERAL- (RFC 7888,
	// section 5). Unlimited is LITERAL+.
	NonSync int64
	// Command is the length of a whole command in octets: its lines and the literals read into memory.
	// If zero, 49152.
	Command int64
	// Discard is how many octets of a refused command, literals included, are read and thrown away in
	// order to find the next one. If more would follow, the connection has to be closed. If zero, 1 MiB.
	Discard int64
	// Depth is how deep lists may be nested, and how long the path of a body part may be. If zero, 32.
	Depth int64
	// Set is how many elements a sequence set may have as it is written. If zero, 8192.
	Set int64
}

func orDefault(v, def int64) int64 {
	switch {
	case v == 0:
		return def
	case v < 0:
		return math.MaxInt64
	}
	return v
}

func (l *Limits) line() int64    { return orDefault(l.Line, 16<<10) }
func (l *Limits) literal() int64 { return orDefault(l.Literal, 16<<10) }
func (l *Limits) nonSync() int64 { return orDefault(l.NonSync, 4096) }
func (l *Limits) command() int64 { return orDefault(l.Command, 48<<10) }
func (l *Limits) discard() int64 { return orDefault(l.Discard, 1<<20) }
func (l *Limits) depth() int64   { return orDefault(l.Depth, 32) }
func (l *Limits) set() int64     { return orDefault(l.Set, 8192) }
