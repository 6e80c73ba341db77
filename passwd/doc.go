// Package passwd keeps the users of a mail host and checks who they are. It is
// of use to any server that speaks SASL. The packages below it are of use alone:
// policy and zxcvbn (which password is good), breach (which is known), hash (old
// hashes), mech (SASL), oauth (tokens), throttle (guessing), logins (who was here
// last), totp and passkey (web pages), sqlusers (users in a database), mta (Postfix
// and Exim).
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
//   - hash: an argon2id hash in the PHC string format, or any other that package
//     hash reads; that becomes argon2id at the user's next login.
//   - state: "active", "disabled", or "must-change" (see [RequireChange]).
//   - attributes: any number of key=value, separated by spaces. A key consists of
//     a-z, 0-9, "-", "_", ".". In a value, space, ":", "%" and control characters
//     are written as "%" and two hexadecimal digits. The field may be left out.
//     Those of this package are "expires", "changed", "app-only", and what begins
//     with "scram-" or "app."; package totp has "totp", "totp-new" and "recovery",
//     package passkey what begins with "passkey".
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
// many are computed at a time, because each takes 19 MiB. Passwords are valid UTF-8,
// prepared by the profile OpaqueString of PRECIS (RFC 8265, section 4.2), so that
// they are the same however a keyboard composes accents; they appear in no error and
// no log. Whoever sets one should ask package policy first.
//
// # Authentication
//
// [Authenticator] offers SASL mechanisms, under TLS only: PLAIN (RFC 4616), LOGIN,
// SCRAM-SHA-1, -256 and -512 (RFC 5802, RFC 7677) with -PLUS by tls-exporter (RFC 9266)
// or tls-server-end-point, OAUTHBEARER (RFC 7628), XOAUTH2 and EXTERNAL.
// A stranger cannot tell which names exist: an unknown name, a wrong password
// and a disabled user get one answer, after one computation of a hash each.
// Where the hash is another program's, a wrong password costs one of today's
// besides. So what can be told by time is only an imported hash that is slow itself (bcrypt,
// yescrypt, scrypt, argon2id with other parameters), until its owner's next login.
package passwd
