package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// Source is where a Decoder reads from; *bufio.Reader is one. ReadSlice and Read are as documented there.
type Source interface {
	io.Reader
	// ReadSlice returns the octets up to and including delim, or bufio.ErrBufferFull with as many as it
	// can hold.
	ReadSlice(delim byte) ([]byte, error)
}

// ErrLostSync says that the place where the next command begins cannot be known: the connection has to be
// closed, because what follows may be the body of a literal.
var ErrLostSync = errors.New("cannot tell where the next command begins")

// A SyntaxError says what a command has wrong. It is fit for the text of a BAD response: one line of ASCII
// without anything that the client sent.
type SyntaxError struct {
	// Text says what is wrong, for instance "expected a mailbox name".
	Text string
	// Column is the place in the command, 1 for its first octet. Octets of literals and line ends are not
	// counted.
	Column int
	// TooBig: what is wrong is the size of a literal. Where APPEND is refused for it, the response code is TOOBIG
	// (RFC 7888, section 5).
	TooBig bool
}

func (e *SyntaxError) Error() string { return e.Text + " at column " + strconv.Itoa(e.Column) }

const (
	keptBuffer = 4096 // how many octets of buffers a Decoder keeps from one command to the next
	skipBuffer = 2048 // through which literals are thrown away
)

// A Decoder reads the commands of a client, token by token. The zero value reads nothing: use [NewDecoder].
//
// The method Name reads one token if it is there and says whether it was; on false nothing was read.
// ExpectName reads a token that must be there. A token that begins rightly and goes wrong later, such as a
// string without its end, is an error with both. The first error stays: all methods return false from then
// on, until Next.
//
// A Decoder is for one goroutine at a time.
type Decoder struct {
	// Limits may be changed between commands.
	Limits Limits
	// UTF8 takes mailbox names as UTF-8 instead of modified UTF-7, also where they have only ASCII: set it
	// when the client enabled UTF8=ACCEPT or IMAP4rev2 (RFC 6855, section 3; RFC 9051, section 5.1).
	UTF8 bool
	// StraySpaces passes over further spaces where one is due, and spaces inside parentheses.
	StraySpaces bool
	// ShortDates takes a day of one digit in a date-time without a space before it.
	ShortDates bool
	// OnLiteral, if not nil, is asked before each literal is read. A nil answer accepts: for a synchronising
	// literal the function must have sent the command continuation request and flushed it. Any other answer
	// refuses: it becomes the error of the Decoder as it is, and the octets of the literal never become a
	// command. The limits are checked first.
	OnLiteral func(Literal) error
	// OnLine, if not nil, is told each line of a command, without its end and without what is too long in it. The octets belong to the Decoder.
	OnLine func(line []byte)

	src   Source
	line  []byte // the present line of the command, without its end
	pos   int    // of the next octet in line
	base  int    // length of the command's earlier lines
	used  int64  // octets of the command so far: lines, literals read into memory
	depth int64  // of open lists
	// inBody: line ended with an accepted literal, of which body octets are still to come before the next line.
	inBody bool
	body   int64
	cut    bool // line is longer than allowed
	open   bool // the end of a cut line has not been read yet
	ended  bool // between commands
	crlf   bool // the client has ended a line with CRLF
	err    error
	fatal  error
	buf    []byte // for literals on their way to a string, or to nowhere
}

// NewDecoder returns a Decoder with default limits.
func NewDecoder(src Source) *Decoder { return &Decoder{src: src, ended: true} }

// SetSource makes the Decoder read from src from the next command on, for instance after STARTTLS.
func (d *Decoder) SetSource(src Source) { d.src = src }

// Release gives the Decoder's buffers back, for a connection that will be idle. To be called between commands.
func (d *Decoder) Release() { d.line, d.buf, d.pos = nil, nil, 0 }

// Next skips what is left of the command before, and reads the first line of the next one; also a line that
// answers a continuation request (AUTHENTICATE) or ends IDLE. It blocks until a whole line is there.
// Any error means that no further command can be read: io.EOF when the client closed the connection
// between commands, another error of the source, or ErrLostSync.
func (d *Decoder) Next() error {
	if err := d.Discard(); err != nil {
		return err
	}
	d.line = d.line[:0]
	d.base, d.used, d.depth, d.err = 0, 0, 0, nil
	d.ended = false
	if !d.readLine() {
		if d.fatal == io.ErrUnexpectedEOF && len(d.line) == 0 {
			d.fatal = io.EOF
		}
		return d.fatal
	}
	return nil
}

// Err returns the first error since Next: a *SyntaxError, the answer of OnLiteral, or an error that Next
// will return as well.
func (d *Decoder) Err() error { return d.err }

// Column returns the column of the next octet.
func (d *Decoder) Column() int { return d.base + d.pos + 1 }

// Expected makes "expected <what> at column <n>" the error, unless there is one already. It returns false.
func (d *Decoder) Expected(what string) bool { return d.expectedAt(d.Column(), what) }

func (d *Decoder) expectedAt(column int, what string) bool {
	return d.fail(column, "expected "+what)
}

func (d *Decoder) fail(column int, text string) bool {
	if d.err == nil {
		if d.cut {
			text = "expected a shorter line"
		}
		d.err = &SyntaxError{Text: text, Column: column}
	}
	return false
}

// stop ends the use of the source with err. It returns false.
func (d *Decoder) stop(err error) bool {
	if d.fatal == nil {
		d.fatal = err
	}
	if d.err == nil {
		d.err = err
	}
	return false
}

// ready makes sure that line and pos are where the next token is.
func (d *Decoder) ready() bool {
	if d.err != nil || d.ended {
		return false
	}
	return !d.inBody || d.afterBody()
}

// afterBody goes to the line that follows an accepted literal.
func (d *Decoder) afterBody() bool {
	return d.skip(d.body) && d.readLine()
}

// rest returns what is left of the line; nothing after an error.
func (d *Decoder) rest() []byte {
	if !d.ready() {
		return nil
	}
	return d.line[d.pos:]
}

// readLine reads one line.
//
// A line ends with CRLF. A client that never sent a CRLF may end lines with LF alone (a person at a terminal
// does); after the first CRLF a bare LF closes the connection, since a program in between may read
// it in another way. A bare CR is an octet that no token can hold.
func (d *Decoder) readLine() bool {
	d.base += len(d.line)
	d.line, d.pos, d.inBody, d.cut, d.open = d.line[:0], 0, false, false, false
	limit := min(d.Limits.line(), d.Limits.command()-d.used)
	for {
		chunk, err := d.src.ReadSlice('\n')
		d.line = append(d.line, chunk...)
		switch {
		case err == nil:
			if !d.trimEnd() {
				return false
			}
			d.cut = int64(len(d.line)) > limit
			d.used += int64(len(d.line))
			d.read()
			return true
		case err != bufio.ErrBufferFull:
			return d.stop(unexpected(err))
		case int64(len(d.line)) > limit:
			d.cut, d.open = true, true
			d.read()
			return true
		}
	}
}

// read tells of the line that was read.
func (d *Decoder) read() {
	if d.OnLine != nil {
		d.OnLine(d.line)
	}
}

// trimEnd cuts the end of the line off.
func (d *Decoder) trimEnd() bool {
	n := len(d.line) - 1
	switch {
	case n > 0 && d.line[n-1] == '\r':
		n--
		d.crlf = true
	case d.crlf:
		d.fail(d.base+n+1, "expected CR before LF")
		return d.stop(ErrLostSync)
	}
	d.line = d.line[:n]
	return true
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// skip reads n octets of a literal and throws them away.
func (d *Decoder) skip(n int64) bool {
	if n > 0 && cap(d.buf) < skipBuffer {
		d.buf = make([]byte, skipBuffer)
	}
	for n > 0 {
		part := d.buf[:min(n, int64(cap(d.buf)))]
		if _, err := io.ReadFull(d.src, part); err != nil {
			return d.stop(unexpected(err))
		}
		n -= int64(len(part))
	}
	d.body = 0
	return true
}

// Discard skips what is left of the command: the rest of its line, the unread rest of an accepted literal,
// and non-synchronising literals that the client announced and sends whatever we answer, each with the line after it
// (RFC 7888, section 3). It does nothing when the command was read to its end. An error means that
// the connection has to be closed: ErrLostSync, or an error of the source.
func (d *Decoder) Discard() error {
	left := d.Limits.discard()
	for d.fatal == nil && !d.ended {
		if d.inBody {
			if d.afterBody() {
				left -= int64(len(d.line))
			}
			continue
		}
		lit, form := d.announced(&left)
		switch {
		case form == malformed || form == announces && lit.NonSync && lit.Size > left, left < 0:
			d.stop(ErrLostSync)
		case form == announces && lit.NonSync:
			left -= lit.Size
			d.inBody, d.body = true, lit.Size
		default:
			d.ended = true
		}
	}
	if d.fatal == nil && cap(d.line)+cap(d.buf) > keptBuffer {
		d.Release()
	}
	return d.fatal
}

// announced reads the present line to its end and returns the literal that it announces.
func (d *Decoder) announced(left *int64) (Literal, form) {
	if !d.open {
		return announcement(d.line)
	}
	for d.open {
		tail := copy(d.line, d.line[max(0, len(d.line)-len("+}\r")):])
		chunk, err := d.src.ReadSlice('\n')
		d.line = append(d.line[:tail], chunk...)
		*left -= int64(len(chunk))
		switch {
		case err == nil:
			d.open = !d.trimEnd()
		case err != bufio.ErrBufferFull:
			d.stop(unexpected(err))
		}
		if d.fatal != nil || *left < 0 {
			return Literal{}, malformed
		}
	}
	// Where so long a line ends like a non-synchronising literal, the beginning of that may have gone by.
	if bytes.HasSuffix(d.line, []byte("+}")) {
		return Literal{}, malformed
	}
	return Literal{}, nothing
}
