// Package hash reads the password hashes of other programs and checks passwords against them: every scheme of Dovecot 2.3's
// "doveadm pw -l" and every method of libxcrypt, so that users keep their passwords when they move here.
//
// A stored password has one of two forms:
//
//   - that of crypt(3), such as "$6$salt$hash" and "$argon2id$v=19$m=19456,t=2,p=1$salt$hash";
//   - that of Dovecot and LDAP, "{SCHEME}value", where the scheme may have ".hex", ".b64" or ".base64" added.
//
// [Parse] checks form and costs and does no work; a stored "rounds=999999999" or 4 GiB of memory is refused there. [Hash.Match] does the work,
// which is bounded by what Parse lets through: some seconds, and 256 MiB. Comparisons take constant time.
//
// Refused by name are OTP, whose one-time passwords Dovecot itself has given up, and gost-yescrypt ("$gy$").
//
// New hashes are argon2id ([NewArgon2id]); for the SASL mechanisms of that name there are SCRAM verifiers ([NewSCRAM]).
package hash
