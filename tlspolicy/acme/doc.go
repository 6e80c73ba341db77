// Package acme gets certificates from an authority that speaks ACME (RFC 8555), such as Let's Encrypt, and renews them in time, by the library certmagic.
// They lie in a folder that package certs follows:
//
//	m, err := acme.Open(acme.Options{Dir: "/var/lib/mail/acme", Names: []string{"mail.example.org"}, Email: "postmaster@example.org", Agreed: true})
//	...
//	store, err := certs.Open(certs.Options{Folders: []string{m.Folder()}, ...})
//	...
//	err = m.Start()
//
// # Challenges
//
// The authority wants proof that a name is ours, by one of three ways:
//
//   - HTTP-01 (RFC 8555, section 8.3) and TLS-ALPN-01 (RFC 8737): it connects to port 80 or 443 of the name. While it is to do so, the ports are listened
//     at, unless something listens there already. If that is a server of this program, it passes the challenge on: [Manager.Handler] for
//     HTTP, [Manager.Certificate] and the protocol [Protocol] for TLS.
//   - DNS-01 (RFC 8555, section 8.4): it looks for a TXT record, which [Options.DNS] publishes. This is the only way for wildcards.
//
// # Renewal
//
// The authority says when (ACME Renewal Information, RFC 9773), and can move that forward, such as before it revokes certificates because of a
// mistake of its own. Where it says nothing, it is when a third of a certificate's life is left, or half with the profile "shortlived". Each renewal
// has a new key. A failure is tried again, less and less often; the old certificate is served meanwhile.
//
// # After a leak
//
// A [Manager] is an issuer for package drill: it issues for the drill's new keys and revokes the old certificates.
package acme
