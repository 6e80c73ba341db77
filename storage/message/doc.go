// Package message reads Internet messages (RFC 5322) and MIME (RFC 2045 to 2049, 2183, 2231)
// for a mail store.
//
// Any bytes are a message: nothing here fails on malformed mail, only on a failed read. All work
// is bounded in time, memory and depth (limits.go); what lies beyond a limit is opaque text of the
// part around it.
//
// # Wire form
//
// A stored file may end its lines with bare LF. IMAP knows only CRLF, so every offset, size and
// line count in this package is of the wire form: the stored bytes with a CR put before each LF
// that has none. No other byte is touched. [WireCounter] counts while a message is written,
// [WireReader] reads a stored message in wire form.
//
// # Summary
//
// [Summarize] and [SummarizeBytes] read a message once and give a [Summary]: a flat, versioned
// byte slice with all that IMAP's FETCH and SEARCH ask for without the text: ENVELOPE, BODY and
// BODYSTRUCTURE in IMAP syntax, the place of every part, the header fields that clients ask for,
// and the parsed Date. A store keeps its bytes and reads them back with [DecodeSummary].
//
// # Reading malformed mail
//
// Where the standards leave room, the reading is that of the most used IMAP server, Dovecot 2.3,
// so that clients see the same structure after a move. Addresses that cannot be read appear with
// MISSING_MAILBOX, MISSING_DOMAIN, SYNTAX_ERROR or INVALID_ROUTE.
//
// Known differences in mail that keeps to the standards:
//   - The line end between the closing delimiter of a multipart and the delimiter of the multipart
//     around it belongs to the latter (RFC 2046, section 5.1.1): what is signed is what is fetched.
//
// Known differences in mail that breaks the standards:
//   - name*=value after pieces of another parameter keeps its name (RFC 2231, section 4).
//   - BODY[HEADER.FIELDS (...)] of an embedded message always ends with an empty line, and
//     BODY[HEADER.FIELDS.NOT (...)] never goes beyond the header.
//   - CR CR LF at the end of a field stays as it is in HEADER.FIELDS.
//   - BINARY decodes malformed base64 and quoted-printable as far as it can.
//   - Without MIME-Version and Content-Type, Content-Transfer-Encoding does not count for BINARY
//     either.
package message
