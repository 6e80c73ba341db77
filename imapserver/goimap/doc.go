// Package goimap lets a program that is built on go-imap v2 keep its mail in mailhavn's storage: it gives that library's imapserver its
// sessions. The protocol is the library's; what is stored, and when it counts as stored, is the storage's.
//
//	backend := &goimap.Backend{Auth: passwd.NewAuthenticator(users), Open: unit.OpenAccount}
//	server := imapserver.New(&imapserver.Options{NewSession: backend.NewSession, Caps: goimap.Caps(), TLSConfig: config})
//	server.ListenAndServeTLS(":993")
//
// A program that has its own way to authenticate embeds a [Session] in a type whose Login calls [Session.Enter].
//
// mailhavn's own imapserver does more (CONDSTORE, QRESYNC, SORT, THREAD, NOTIFY, limits by address and account, orderly shutdown); both can serve
// the same accounts at once, in one process, and see each other's changes.
//
// # What the library determines
//
// These hold for go-imap v2.0.0-beta.8; an adapter cannot change them.
//
//   - Its server has no CONDSTORE: nothing tells a MODSEQ.
//   - ENVELOPE and BODYSTRUCTURE pass through structs. A Date is written anew, without comments; one that cannot be read becomes NIL. Of two
//     parameters with one name one is left; Content-MD5 is NIL. What is ASCII otherwise keeps its octets.
//   - BODY of a part that does not exist is an empty string, not NIL. BINARY with a partial range does not tell its offset.
//   - In SEARCH, SMALLER is lost when a date key or LARGER follows it, and SMALLER 0 means all. RETURN (SAVE) is answered like RETURN (SAVE ALL).
//   - It cannot tell CLOSE from EXPUNGE, so that EXPUNGE of a mailbox opened with EXAMINE answers OK and removes nothing.
//   - SELECT always answers READ-WRITE. Where the session may only read, PERMANENTFLAGS is empty and changes are refused.
//   - A literal with "+" that it refuses is not read away: its octets are taken for commands. So [Caps] leaves LITERAL+ out;
//     clients then send so only literals that are taken.
//   - There are no contexts: a command goes on when its client is gone.
//   - While EXPUNGE may not be sent (FETCH, STORE and SEARCH), what else has changed waits with it, as with the library's own tracker.
package goimap
