// Package imapservertest judges IMAP servers by conversations: readable scripts of what several clients say and what
// the server must answer, written from the RFCs. [Run] holds a server to a folder of them, [Simulate] to what random
// clients must believe. Any server can be judged, over any net.Conn.
//
// # Scripts
//
// A script is a text archive (*.txtar): lines as below, then files, each after a line "-- name --". Files below
// messages/ may be named by every script. A file's lines get CRLF; one named .b64 is base64; "huge.eml" is a made
// message of a megabyte. Blank lines and lines that begin with # are comments.
//
//	message INBOX plain.eml (\Seen) "01-Feb-2020 10:00:00 +0000"   append a file, unseen by the conversation
//	mailbox work work/sub                                          create mailboxes likewise
//	require MOVE                                                   the script needs a capability
//	modes rev1 qresync                                             run in these modes only
//	plain                                                          the script needs connections in clear text
//	skip why                                                       do not run
//	A: . SELECT INBOX                                              client A sends a line; "." is a new tag
//	A:+ x1 NOOP                                                    the same, in one packet with A's next line
//	A< * 3 EXISTS                                                  the next response to A
//	A< . OK [READ-WRITE]                                           the answer to A's oldest open command
//	A< +                                                           a continuation request
//	A< ...                                                         any responses until one that the next line wants
//	A< {  ...  A< }                                                the lines between in any order; with "A< ..." also others
//	A< GONE 2,4                                                    expunged, as EXPUNGE or VANISHED tells it
//	A< GONE 2,4 = 12,14                                            the same where the UIDs are others
//	A< FOUND 1:3                                                   the result of SEARCH, as SEARCH or ESEARCH
//	A< <eof>                                                       the server ends the connection
//	A connect, A connect-plain                                     connect only; otherwise the first line logs in, too
//	A starttls, A starttls-or-eof, A compress                      the connection changes
//	A close, A quiet                                               drop the connection; nothing comes for a while
//	A raw "Go string"                                              send octets as they are
//	A flood 100000                                                 send a command with the tag flood that does not end
//
// Any line may begin with conditions: [rev2] is a mode, [dovecot] a server's name, [!x] negates, [a|b] is one of them.
// A session that a line names first connects, logs in to the script's fresh account and enables what the mode wants.
//
// Every script runs in the modes rev1 (IMAP4rev1), rev2 (ENABLE IMAP4rev2), qresync (ENABLE QRESYNC), rev2qresync,
// utf8 (ENABLE UTF8=ACCEPT), compress (COMPRESS=DEFLATE), uidonly (ENABLE UIDONLY) and uidonlyqresync; in all without rev2 the condition
// [rev1] holds, in uidonlyqresync also [uidonly] and [qresync].
//
// With UIDONLY there are no message numbers. Scripts speak of them all the same: commands are sent with the UIDs of those messages, and
// UIDFETCH and UIDs among results are compared as if they were FETCH and numbers. That something is kept from a client
// until its numbers may change is no matter then, so lines about it are for [!uidonly].
//
// # What clients send
//
// ${name} is a captured value, ${name+1} one more. Given are user, password, sasl (the PLAIN response), badsasl,
// len:user, len:password, size:FILE and text:FILE (without its last line end). <<FILE>> and <<"Go string">> are literals for which the client waits, <<+...>>
// non-synchronising ones, <<~...>> and <<~+...>> literal8.
//
// # What is expected
//
// Responses are compared by meaning. Human text is free. Data items of FETCH, STATUS and ESEARCH, flags, attributes
// and capabilities stand in any order; sets are equal if their members are; strings may be quoted or literal. UID and
// MODSEQ may be in every FETCH response, unless the pattern says !UID. Patterns know
//
//	<any> <num> <str>   one value, a number, a string of whatever content
//	<<FILE>> <<"...">>  a string with these octets
//	...                 further elements of a list
//	.                   the tag of the last command, as in (TAG .)
//	${name}             captures a value, or compares it where it is known
//	${name>other}       captures a number that is greater; also <, <=, >=, =; other is a name or a number
//	OK|NO  \A|\B        one of them
//	[!CODE]             any response code but this one, or none
//
// What may come at any time and matters to few scripts is passed over where it is not asked for: FLAGS, RECENT,
// CAPABILITY, a FETCH with nothing but MODSEQ, OK without code or with PERMANENTFLAGS, HIGHESTMODSEQ or CLOSED.
//
// # What is always checked
//
// Each session keeps the view that a client must have, and fails on a response that no server may send then: EXPUNGE
// without a command or during FETCH, STORE, SEARCH; a count that shrinks; sequence numbers out of range; UIDs that
// change; EXPUNGE or missing MODSEQ and UID after QRESYNC; a SELECT that leaves out what it must tell. At the end no
// response may be left over, and every client must believe what a fresh look at its mailbox shows.
package imapservertest
