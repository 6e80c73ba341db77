// Package audit looks at a TLS server from outside, as an attacker or a client
// with old habits would, and tells what it found, how bad that is and what to do.
//
//	report, err := audit.Run(ctx, "mail.example.org:993", audit.Options{})
//	...
//	report.Text(os.Stdout)
//	if report.Worst() >= audit.Medium { ... }
//
// It speaks TLS at once, or after STARTTLS in IMAP, POP3, SMTP, LMTP and
// ManageSieve. Where crypto/tls would not offer something (SSL 2.0 and 3.0, any
// suite or group by its number, compression, renegotiation), it writes the
// messages itself.
//
// # What it looks at
//
// Versions; the suites of each version, by all registered numbers or
// ([Options.AllNumbers]) by all 65,536; groups, hybrid ones included; size of
// finite field parameters; certificates by name and kind of key, their chain,
// trust, names, end, keys, signatures; session tickets, how long they live, and
// whether they open another name or another host; renegotiation; compression;
// protection against downgrades; signatures with SHA-1; application protocols
// (ALPN); commands injected before STARTTLS.
//
// It does not look for faults of single implementations (Heartbleed, ROBOT,
// CCS injection, Ticketbleed). It asks nobody but the server, no OCSP responder
// and no list of revoked certificates, and DNS only if [Options.CAA] is set.
//
// # Grades
//
// [Grade] follows the SSL Server Rating Guide of SSL Labs, version 2009q with the
// rule for TLS 1.3 of 2009r, and names the reason for each point lost. A+ is not
// given: it asks for HSTS, which is HTTP.
//
// # Load
//
// A run makes about a hundred connections, of which at most
// [Options.Concurrency] at a time are open. It logs in nowhere and sends no mail.
// What servers send is bounded in size, number and time.
package audit
