// Package tlspolicy decides how TLS is spoken by the services of a mail host:
// which versions, key exchanges, cipher suites and certificates, on the server
// and on the client side. It depends on nothing but the standard library and is
// of use to any Go server.
//
// Most programs need three lines:
//
//	cert, err := tlspolicy.Load("fullchain.pem", "privkey.pem")
//	...
//	config, err := tlspolicy.Intermediate.Server(cert)
//
// # Policies
//
// [Intermediate] and [Modern] are the configurations of the same names in
// Mozilla's Server Side TLS guidelines, version 6.0; [Strict] is intermediate
// without anything by which connections share keys. All are forward secret
// without exception: every key exchange is ephemeral. A policy that is not cannot
// be made. Intermediate serves every mail program of the last ten years; Modern
// asks for TLS 1.3.
//
// [Policy.Explain] tells each decision with its reason and source,
// [Policy.Predict] what a client will agree on, [Policy.Verify] whether a
// connection is as the policy wants it.
//
// Every field of the configuration is set, so that the variables of GODEBUG
// that change the defaults of crypto/tls (tls10server, tlsrsakex, tls3des,
// tlssha1) change nothing on a server. One of them crypto/tls applies even to
// explicit configurations: tlsmlkem=0 takes away the hybrid key exchange
// X25519MLKEM768. Then no configuration is built, see [ErrNoHybrid].
// On a client, GODEBUG=tlssha1=1 still lets a TLS 1.2 server sign its handshake
// with SHA-1: crypto/tls has no field against that, TLS 1.3 never allows it.
//
// # Session tickets
//
// They are off unless [Policy.Resume] turns them on. crypto/tls would keep its
// ticket keys for seven days, a constant, and a copy of the memory of the process
// would then open up to seven days of recorded TLS 1.2 sessions, against what
// forward secrecy promises. [Tickets] has keys of its own, which it forgets
// within a day at most, and which a cluster can share. A full handshake with an
// ECDSA certificate costs well below a millisecond.
//
// # Hidden names (encrypted client hello)
//
// [Policy.Hide] lets clients encrypt the name that they ask for, under keys that are
// changed daily ([ECH]). crypto/tls allows that together with TLS 1.2 only
// by a configuration for each kind of client, which Hide arranges.
//
// # Application protocols (ALPN)
//
// A server names the protocols that it speaks, see [Policy.ALPN]. A client that
// offers other ones only is refused during the handshake, so that a browser
// cannot be made to talk HTTP to an IMAP port with a certificate that is valid
// for both (the ALPACA attack; RFC 9325, section 3.8). Mail programs that offer
// none, which is most of them, are served.
//
// # Certificates
//
// [Load] reads a certificate chain and its key from PEM files. What is wrong
// with them is told as a [CertificateError]: which file, which problem, what to
// do. [SelfSigned] keeps a certificate for demonstrations and tests. Package
// certs chooses among many by name, and follows files that change.
package tlspolicy
