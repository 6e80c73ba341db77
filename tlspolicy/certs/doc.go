// Package certs chooses certificates by the name that a client asks for, and
// follows the files they lie in: a renewed certificate is served within a second,
// without a restart, to new connections; those that are open stay as they are.
//
//	store, err := certs.Open(certs.Options{Folders: []string{"/etc/letsencrypt/live"}})
//	...
//	config, err := tlspolicy.Intermediate.ALPN("imap").ServerBy(store.GetCertificate)
//
// # Which certificate a client gets
//
// One whose names have the name it asks for; else one with a wildcard for it;
// else the default. [Pair.Names] puts a pair before all others for some names,
// such as an EV certificate for the web shop and a regular one for the rest. Of
// several for one name a client gets an ECDSA certificate if it can use that, an
// RSA one otherwise; of equal kinds the one that begins last. Nothing is kept per
// name asked for, so clients that ask for random names cost no memory.
//
// # Folders
//
// They are searched three levels deep for what ACME clients leave, certificate
// first: fullchain.pem and privkey.pem (certbot, dehydrated), fullchain.cer and
// NAME.key in a folder NAME or NAME_ecc (acme.sh), NAME.crt and NAME.key (lego,
// Caddy, certmagic), NAME.pem and NAME-key.pem (mkcert). What has no key beside
// it is passed over. Beside a certificate may lie, under its name with .ocsp and
// .sctl appended, an OCSP response and a list of signed certificate timestamps,
// both in binary form (DER; RFC 6962, section 3.3), which are served with it.
//
// # Change
//
// Files are looked at twice a second (less often if looking would take more than
// a twentieth of one processor), which works on every file system. A pair that
// cannot be used (the certificate and the key of different renewals, a half
// written file, an expired certificate, a key that other users can read) is
// refused and reported, and the one before stays in use. Certificates that are
// about to end are reported once a day.
package certs
