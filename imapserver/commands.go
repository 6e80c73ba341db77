package imapserver

import "context"

// A command is a row of the table of commands.
type command struct {
	name   string // in upper case; "UID FETCH" for a command of UID
	rfc    string // where it is defined
	states state  // in which it may be given
	flags  commandFlags
	// parse reads the arguments, each after its space, up to the end of the line, and returns what is to be done. It judges what can be
	// judged without doing anything. A syntax error may be left in the decoder.
	parse func(c *conn) (action, error)
}

// commandFlags is the policy for a command. The dispatcher enforces it; handlers do not repeat it.
type commandFlags uint8

const (
	// preTLS: allowed without TLS though it carries or leads to no protected state. Commands without it need TLS, or
	// Server.InsecureAuth.
	preTLS commandFlags = 1 << iota
	// maySendExpunge: EXPUNGE and VANISHED may be sent before the tagged answer (RFC 9051, section 7.5.1).
	maySendExpunge
	// byUID: a command of UID, whose sets are of UIDs, and whose FETCH responses all have the UID (RFC 9051, section 6.4.9).
	byUID
	// writes: changes something that lasts; not for sessions that may only read.
	writes
	// changesMailbox: changes the selected mailbox; not after EXAMINE.
	changesMailbox
	// byNumber: uses message sequence numbers, or answers with them; not after ENABLE UIDONLY.
	byNumber
	// interactive: reads further lines from the client while it runs.
	interactive
)

// action does what a command wants, and returns what is special about its tagged answer; nil errors are an OK.
type action func(ctx context.Context) (reply, error)

// reply is the tagged OK of a command. The zero value says "<command> completed".
type reply struct {
	code, text string
	after      func() error // run when the answer has been sent; an error ends the connection
}

// baseCommands is THE table: the commands of IMAP4rev1 and IMAP4rev2 (RFC 3501 and RFC 9051, section 6). Those of
// extensions are in their descriptors.
func baseCommands() []command {
	const (
		noop   = preTLS | maySendExpunge
		change = writes | maySendExpunge
	)
	return []command{
		{"CAPABILITY", "RFC 9051, section 6.1.1", anyState, noop, parseCapability},
		{"NOOP", "RFC 9051, section 6.1.2", anyState, noop, parseNoop},
		{"LOGOUT", "RFC 9051, section 6.1.3", anyState, preTLS, parseLogout},
		{"STARTTLS", "RFC 9051, section 6.2.1", notAuthenticated, preTLS, parseStartTLS},
		{"AUTHENTICATE", "RFC 9051, section 6.2.2", notAuthenticated, interactive, parseAuthenticate},
		{"LOGIN", "RFC 9051, section 6.2.3", notAuthenticated, 0, parseLogin},
		{"SELECT", "RFC 9051, section 6.3.2", loggedIn, 0, parseSelect},
		{"EXAMINE", "RFC 9051, section 6.3.3", loggedIn, 0, parseExamine},
		{"CREATE", "RFC 9051, section 6.3.4", loggedIn, change, parseCreate},
		{"DELETE", "RFC 9051, section 6.3.5", loggedIn, change, parseDelete},
		{"RENAME", "RFC 9051, section 6.3.6", loggedIn, change, parseRename},
		{"SUBSCRIBE", "RFC 9051, section 6.3.7", loggedIn, change, parseSubscribe},
		{"UNSUBSCRIBE", "RFC 9051, section 6.3.8", loggedIn, change, parseUnsubscribe},
		{"LIST", "RFC 9051, section 6.3.9", loggedIn, maySendExpunge, parseList},
		{"LSUB", "RFC 3501, section 6.3.9", loggedIn, maySendExpunge, parseLsub},
		{"STATUS", "RFC 9051, section 6.3.11", loggedIn, maySendExpunge, parseStatus},
		{"APPEND", "RFC 9051, section 6.3.12", loggedIn, change, parseAppend},
		{"CHECK", "RFC 3501, section 6.4.1", selectedState, maySendExpunge, parseNoop},
		{"CLOSE", "RFC 9051, section 6.4.1", selectedState, 0, parseClose},
		{"EXPUNGE", "RFC 9051, section 6.4.3", selectedState, change | changesMailbox, parseExpunge},
		{"SEARCH", "RFC 9051, section 6.4.4", selectedState, byNumber, parseSearch},
		{"FETCH", "RFC 9051, section 6.4.5", selectedState, byNumber, parseFetch},
		{"STORE", "RFC 9051, section 6.4.6", selectedState, byNumber | writes | changesMailbox, parseStore},
		{"COPY", "RFC 9051, section 6.4.7", selectedState, byNumber | change, parseCopy},
		{"UID SEARCH", "RFC 9051, section 6.4.9", selectedState, byUID | maySendExpunge, parseSearch},
		{"UID FETCH", "RFC 9051, section 6.4.9", selectedState, byUID | maySendExpunge, parseFetch},
		{"UID STORE", "RFC 9051, section 6.4.9", selectedState, byUID | change | changesMailbox, parseStore},
		{"UID COPY", "RFC 9051, section 6.4.9", selectedState, byUID | change, parseCopy},
	}
}
