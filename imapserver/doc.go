// Package imapserver is an IMAP server for mail that package storage keeps: IMAP4rev1 and IMAP4rev2, with the
// extensions in the table below.
//
// A [Server] needs two things: who may log in ([Authenticator]), and which account that is (Server.Open). The zero value of everything
// else is a safe choice: nobody logs in without TLS, and whatever a client sends is bounded in size, number, depth and time.
//
//	server := &imapserver.Server{TLS: config, Auth: users, Open: unit.OpenAccount}
//	err := server.ServeTLS(listener)
//
// # How a command is run
//
// Each connection has one goroutine. It reads a command up to its end and finds its row in the table of commands (commands.go, and the
// descriptors of the extensions). The dispatcher (dispatch.go) checks the row's states and flags before the arguments are parsed. The row's function
// parses them completely and returns what is to be done; that is run with a context which ends when
// the client goes away. Then the dispatcher tells what has changed in the selected mailbox (sync.go), as far as the
// row allows, and sends the tagged answer.
//
// What a client knows of its mailbox is a view (view.go). News are the difference between that view and the newest
// view of the storage. Nothing is sent to sessions when something changes; those in IDLE are woken and look.
//
// # Invariants
//
//  1. Only the goroutine of a connection writes to its client, and never while it holds a lock.
//  2. No answer and no news before the change is durable: the methods of the storage return then, and its views show
//     nothing else.
//  3. A command is parsed to its end before anything is done; what a refused command left unread never
//     becomes a command.
//  4. EXPUNGE and VANISHED are sent only where the flags of the running command allow it. Until then, what is gone keeps its
//     sequence number.
//  5. Responses are flushed before the server waits for the client, and when the buffer is full; not in between.
//  6. What was sent in clear after STARTTLS is never looked at. Before TLS nobody can log in, so no state
//     survives the change.
//  7. What is announced is what the descriptors of the registry implement; no capability is written anywhere else.
//  8. An error that is no [Error] becomes NO [SERVERBUG] for the client; its detail is for the log.
//  9. A panic ends its connection, not the process.
//  10. A connection that waits holds no buffers. What a connection that has not logged in can make the server
//     keep is bounded by 64 KiB.
//  11. A literal that was announced is sent in full, or the connection ends.
//  12. After a MODSEQ that the client has seen, while removals with a lower one have not been told, the answer carries a lower
//     HIGHESTMODSEQ.
//
// # Concurrency
//
// Besides the goroutine of a connection there is at most one more for it: while it is in IDLE, or while a command takes longer than a
// second, a goroutine reads ahead, so that the end of the connection is noticed; it has the input for itself while it
// runs (input.go). Other goroutines may only tell a connection to end (conn.end). The registry of sessions is guarded by
// the server's lock.
//
// # Standards
//
// Every rule in the code names its RFC and section. The table has them all: number, title, files, capabilities. Tests hold it to the code.
//
//	RFC 1951	DEFLATE Compressed Data Format Specification version 1.3	internal/inflate/inflate.go internal/inflate/code.go	-
//	RFC 2045	Multipurpose Internet Mail Extensions (MIME) Part One: Format of Internet Message Bodies	exact_differences_interop_test.go	-
//	RFC 2046	Multipurpose Internet Mail Extensions (MIME) Part Two: Media Types	exact_differences_interop_test.go	-
//	RFC 2177	IMAP4 IDLE command	ext_idle.go	IDLE
//	RFC 2231	MIME Parameter Value and Encoded Word Extensions: Character Sets, Languages, and Continuations	exact_differences_interop_test.go	-
//	RFC 2342	IMAP4 Namespace	ext_namespace.go	NAMESPACE
//	RFC 2683	IMAP4 Implementation Recommendations	internal/wire/limits.go	-
//	RFC 2971	IMAP4 ID extension	ext_id.go	ID
//	RFC 3348	The Internet Message Action Protocol (IMAP4) Child Mailbox Extension	ext_children.go	CHILDREN
//	RFC 3501	Internet Message Access Protocol - Version 4rev1	commands.go	IMAP4rev1
//	RFC 3502	Internet Message Access Protocol (IMAP) - MULTIAPPEND Extension	append.go ext_multiappend.go	MULTIAPPEND
//	RFC 3516	IMAP4 Binary Content Extension	ext_binary.go	BINARY
//	RFC 3691	Internet Message Access Protocol (IMAP) UNSELECT command	ext_unselect.go	UNSELECT
//	RFC 4315	Internet Message Access Protocol (IMAP) - UIDPLUS extension	ext_uidplus.go append.go copy.go	UIDPLUS
//	RFC 4422	Simple Authentication and Security Layer (SASL)	auth.go	-
//	RFC 4466	Collected Extensions to IMAP4 ABNF	extension.go append.go	-
//	RFC 4469	Internet Message Access Protocol (IMAP) CATENATE Extension	ext_catenate.go	CATENATE
//	RFC 4648	The Base16, Base32, and Base64 Data Encodings	internal/wire/string.go	-
//	RFC 4731	IMAP4 Extension to SEARCH Command for Controlling What Kind of Information Is Returned	ext_esearch.go	ESEARCH
//	RFC 4959	IMAP Extension for Simple Authentication and Security Layer (SASL) Initial Client Response	ext_sasl.go auth.go	SASL-IR
//	RFC 4978	The IMAP COMPRESS Extension	ext_compress.go internal/inflate/inflate.go	COMPRESS=DEFLATE
//	RFC 5032	WITHIN Search Extension to the IMAP Protocol	ext_within.go	WITHIN
//	RFC 5092	IMAP URL Scheme	url.go ext_catenate.go	-
//	RFC 5161	The IMAP ENABLE Extension	ext_enable.go	ENABLE
//	RFC 5182	IMAP Extension for Referencing the Last SEARCH Result	ext_searchres.go sets.go	SEARCHRES
//	RFC 5255	Internet Message Access Protocol Internationalization	ext_i18nlevel.go	I18NLEVEL=1
//	RFC 5256	Internet Message Access Protocol - SORT and THREAD Extensions	ext_sort.go ext_thread.go forest.go search.go	SORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES
//	RFC 5258	Internet Message Access Protocol version 4 - LIST Command Extensions	ext_listextended.go list.go	LIST-EXTENDED
//	RFC 5267	Contexts for IMAP4	ext_context.go ext_esort.go ext_sort.go search.go	CONTEXT=SEARCH ESORT
//	RFC 5322	Internet Message Format	exact_differences_interop_test.go	-
//	RFC 5465	The IMAP NOTIFY Extension	ext_notify.go ext_context.go ext_idle.go mailboxfilter.go	NOTIFY
//	RFC 5530	IMAP Response Codes	errors.go auth.go	-
//	RFC 5819	IMAP4 Extension for Returning STATUS Information in Extended LIST	ext_liststatus.go	LIST-STATUS
//	RFC 5957	Display-Based Address Sorting for the IMAP4 SORT Extension	ext_sortdisplay.go	SORT=DISPLAY
//	RFC 6154	IMAP LIST Extension for Special-Use Mailboxes	ext_specialuse.go ext_createspecialuse.go internal/names/flags.go	SPECIAL-USE CREATE-SPECIAL-USE
//	RFC 6851	Internet Message Access Protocol (IMAP) - MOVE Extension	ext_move.go	MOVE
//	RFC 6855	IMAP Support for UTF-8	ext_utf8.go ext_catenate.go search.go internal/wire/string.go	UTF8=ACCEPT
//	RFC 7162	IMAP Extensions: Quick Flag Changes Resynchronization (CONDSTORE) and Quick Mailbox Resynchronization (QRESYNC)	ext_condstore.go ext_qresync.go sync.go	CONDSTORE QRESYNC
//	RFC 7377	IMAP4 Multimailbox SEARCH Extension	ext_multisearch.go mailboxfilter.go sets.go	MULTISEARCH
//	RFC 7889	The IMAP APPENDLIMIT Extension	ext_appendlimit.go	APPENDLIMIT
//	RFC 7888	IMAP4 Non-synchronizing Literals	ext_literal.go	LITERAL- LITERAL+
//	RFC 8314	Cleartext Considered Obsolete: Use of Transport Layer Security (TLS) for Email Submission and Access	server.go	-
//	RFC 8437	IMAP UNAUTHENTICATE Extension for Connection Reuse	ext_unauthenticate.go	UNAUTHENTICATE
//	RFC 8438	IMAP Extension for STATUS=SIZE	ext_statussize.go	STATUS=SIZE
//	RFC 8474	IMAP Extension for Object Identifiers	ext_objectid.go	OBJECTID
//	RFC 8508	IMAP REPLACE Extension	ext_replace.go	REPLACE
//	RFC 8514	Internet Message Access Protocol (IMAP) - SAVEDATE Extension	ext_savedate.go	SAVEDATE
//	RFC 8970	IMAP4 Extension: Message Preview Generation	ext_preview.go	PREVIEW
//	RFC 9051	Internet Message Access Protocol (IMAP) - Version 4rev2	commands.go ext_rev2.go ext_sasl.go ext_starttls.go	IMAP4rev2 LOGINDISABLED STARTTLS
//	RFC 9394	IMAP PARTIAL Extension for Paged SEARCH and FETCH	ext_partial.go search.go	PARTIAL
//	RFC 9585	IMAP Response Code for Command Progress Notifications	ext_inprogress.go limits.go	INPROGRESS
//	RFC 9586	IMAP Extension for Using and Returning Unique Identifiers (UIDs) Only	ext_uidonly.go ext_qresync.go	UIDONLY
package imapserver
