// Package policy says which passwords may be chosen, and why one may not, in a way that helps to choose a better one.
//
// A [Policy] is a value: take [NIST63B4], [ASVS5] or [RunboxClassic], change fields or write one's own. It has a JSON form, and so has the
// [Result] of checking, so that a web page can show the rules and, asking the server while somebody types, what is still wrong. Each
// [Reason] has a code, for translations, and a place.
//
// What today's guidelines say (NIST SP 800-63B-4, OWASP ASVS 5.0): long passwords, also with spaces and of any script; no rules about kinds of
// characters, no changes by the calendar; none that are known to attackers. Characters are counted, not bytes. A password is prepared before
// it is hashed (package passwd) but checked as it was typed.
//
// [Passphrase] makes one of words at random.
package policy
