// Package pgpmime encrypts, signs and opens mail by OpenPGP: PGP/MIME (RFC 3156, RFC 1847) with header protection (RFC 9788).
//
// # Writing
//
// [Encrypt] encrypts a whole message, header and all, in one pass; a [Policy] says what of the header stays visible outside. What
// [Open] gives back has the same octets, whatever they are. Signatures are inside the encryption (RFC 3156, section 6.2).
//
// [Sign] makes a multipart/signed. What it signs survives transport (RFC 3156, section 3): line ends are CRLF, and texts are in quoted-printable, the rest in base64,
// unless it is in one of them already.
//
// # Reading
//
// [Open] decrypts and verifies: PGP/MIME, a signed message in an encrypted one (RFC 3156, section 6.1), and the old inline form where OpenPGP data are
// all of the text. A message in which encrypted or signed parts stand beside others is refused with [ErrMixed]: whoever shows such parts in one page
// lets the others carry the plaintext away (EFAIL), or lets them look signed.
//
// Protected headers are read in the form of RFC 9788 and in the older form of Enigmail and Thunderbird (protected-headers="v1").
package pgpmime
