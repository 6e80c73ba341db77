// Package pgp encrypts, decrypts, signs and verifies by OpenPGP (RFC 9580), for mail hosts and mail programs. It builds on ProtonMail/go-crypto and
// puts around it what a program that reads foreign mail needs: nothing leaves before it is proved to be whole, everything is bounded, errors say what
// is wrong. The packages below it know mail: pgpmime (PGP/MIME), deliver (encryption
// before mail is stored), keystore (whose key is which), wkd, autocrypt and dane (keys found and published).
//
// # Messages
//
// [Encrypter] and [Signer] give writers; [Decrypter] and [Verifier] read. A message is encrypted in the form that all its recipients can read: with
// authenticated encryption (SEIPD version 2) only if every key says so. Nothing is compressed.
//
// Decryption keeps the contents, in memory up to 1 MiB and then in an encrypted temporary file, until the end of the message has proved that it
// is whole. A message without such a proof (Symmetrically Encrypted Data packets, a missing checksum) gives an error and no octet of its contents: this is
// what the attacks called EFAIL rest on. Memory does not grow with the message.
//
// # Keys
//
// A [Key] never changes; what changes it gives another one. [Key.CanEncrypt] says whether it may be used for new messages and if not, why: expired,
// revoked, weak (RSA below 2048 bits, DSA, ElGamal, bound by SHA-1 only), for another purpose. Old messages are decrypted with weak keys too.
//
// Whose key it is, is for the host to know: everybody can make a key with any address.
//
// # What other programs can read
//
//	profile      key                                  GnuPG 2.2, Sequoia 1.12, RNP 0.16, PGPainless 1.3   OpenPGP.js 6
//	Compatible   v4, Ed25519 and Curve25519           yes                                                 yes
//	RSA4096      v4, RSA                              yes                                                 yes
//	Modern       v6, Ed25519 and X25519 (RFC 9580)    no                                                  yes
//	PostQuantum  v6, ML-DSA and ML-KEM (RFC 9980)     no                                                  no
//
// pgp/interop/testdata/expected.txt has the whole table, as the tests find it.
//
// # Bounds
//
// Contents have at most MaxSize octets (256 MiB unless said otherwise), and what is compressed at most 16 MiB or 100 times its compressed size; a
// message has at most 1,000 recipients, 16 signatures and two layers of compression, and 64 tries to open it; a key has at most 9,999
// signatures and 4 MiB.
package pgp
