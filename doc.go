// Package mailhavn is the root of a library for secure mail hosting: an IMAP server, the mail store under it, and the TLS and
// password policies in front of it. It contains no code; import the packages below it.
//
// # Choosing packages
//
// To serve mail from a program of your own, import
// [github.com/mailhavn/mailhavn/imapserver] and [github.com/mailhavn/mailhavn/storage];
// [github.com/mailhavn/mailhavn/tlspolicy] and [github.com/mailhavn/mailhavn/passwd] are ready-made answers to the two things that
// an IMAP server asks for, a *tls.Config and an Authenticator. Either may come from elsewhere: tlspolicy, passwd and storage import
// none of each other. The command examples/embed shows all four in one function.
//
// To run a mail server, use the command examples/mailserver: IMAP for mail programs, LMTP for the mail transfer agent in
// front of it, accounts and checks by command line.
//
// # The map
//
//	imapserver            IMAP4rev1 and IMAP4rev2: connections, sessions, commands, extensions
//	  goimap              the storage as a backend of go-imap v2's server
//	  imapservertest      conversations of several clients as test scripts, for anyone who changes a part
//	storage               units, accounts, mailboxes, messages: a log, immutable views, a maildir tree
//	  message             RFC 5322 and MIME with byte offsets, streaming, for any bytes
//	  maildir             names in a Maildir++ tree
//	  vfs                 the seam to the file system: a folder, memory
//	  storagetest         a disk that loses power, a crash explorer, conformance of file systems
//	tlspolicy             Mozilla's TLS policies as *tls.Config, explained and predicted
//	  certs               certificates by name, followed when their files change
//	passwd                users in a file, argon2id, SASL; below it policies, strength, breaches, old hashes, throttling and more
//	pgp                   OpenPGP keys and messages
//	  deliver             mail is encrypted to its owner before it is stored
//	  wkd, autocrypt,     keys found and published: over HTTPS,
//	  dane                in mail, in DNS
//	  keystore            whose key is which: first use, history, pinning
//	  pgpmime             PGP/MIME with header protection
//	examples/embed        the smallest server
//	examples/goimap       a server built on go-imap v2
//	examples/mailserver   the reference server
//	examples/sop          OpenPGP for scripts
//
// # Promises
//
// Acknowledged means durable. No change is answered with OK, no delivery with 250, before its record is synced to disk.
// After a power cut or a kill at any moment everything acknowledged is there.
//
// What comes in goes out: the bytes of a message are never changed, a UID never names two messages of a mailbox, and
// UIDVALIDITY never repeats.
//
// The on-disk format has a version, major and minor, in each unit's manifest. A unit of another major version is refused with
// [github.com/mailhavn/mailhavn/storage.ErrNewerFormat]; one of a newer minor version can be read. The mail itself is a plain
// Maildir++ tree that any maildir tool can read. Before version 1.0 of the module the major version may still change; from
// then on, later versions read what earlier ones wrote.
//
// The API follows semantic versioning. Before version 1.0 it may change in every minor version; the changelog says how.
//
// # Caveats
//
// A unit has one owner at a time: a second process that opens it is refused. Other programs may read the maildir tree
// at any time, but not write to it.
//
// The disk must keep its word: what fdatasync has confirmed must survive. The write-ahead log contains deleted messages until its
// space is used again, see ZeroLog in [github.com/mailhavn/mailhavn/storage.Options].
package mailhavn
