// Package passwd keeps the users of a mail host and checks their passwords.
// It needs the standard library, golang.org/x/crypto and the interfaces of
// github.com/emersion/go-sasl, and is of use to any server.
//
// # Users
//
// [OpenFile] opens a file of users: readable text, one line a user, that people
// may edit while servers run. Changes are atomic and survive a power cut; they
// are seen at the next login, by every process.
//
//	# name:hash:state:attributes
//	anna:$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$...:active:
//	bob@example.org:$argon2id$...:disabled:language=nb note=left%20in%20May
//
// The fields are separated by ":".
//
//   - name: see [CanonicalName]. It is compared without regard to case.
//   - hash: an argon2id hash in the PHC string format, as the argon2 program and
//     Dovecot (there behind "{ARGON2ID}") write it.
//   - state: "active" or "disabled".
//   - attributes: any number of key=value, separated by spaces. A key consists of
//     a-z, 0-9, "-", "_", ".". In a value, space, ":", "%" and control characters
//     are written as "%" and two hexadecimal digits. The field may be left out.
//
// Empty lines and lines that begin with "#" are comments. They, and the lines
// that cannot be understood, stay as they are when the file is rewritten. A line
// that cannot be understood is reported by [File.Problems] and gives nobody
// access; the others keep working. A program that edits the file should write a
// new one and rename it, holding an flock(2) on the file's name with ".lock" added.
//
// # Passwords
//
// Passwords are stored as argon2id (RFC 9106) with the parameters that OWASP's
// Password Storage Cheat Sheet recommends, see [Params]. A [Hasher] bounds how
// many are computed at a time, because each takes 19 MiB. Passwords are the exact
// bytes of valid UTF-8; they appear in no error and no log.
//
// # Authentication
//
// [Authenticator] offers the SASL mechanisms: PLAIN (RFC 4616), under TLS only.
// A stranger cannot tell which names exist: an unknown name, a wrong password
// and a disabled user get one answer, after one computation of a hash each.
// Computations take equally long if all hashes in the file have the parameters
// of the [Hasher], as all have that this package wrote with them.
// Slowing down those who guess is left to the server, which knows all protocols.
package passwd
