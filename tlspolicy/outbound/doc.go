// Package outbound decides how mail is handed to the servers of other domains: with which of them, under what TLS, and what to do when that fails, so
// that no message is sent under less than what its recipient's domain and its sender ask for. It speaks no SMTP: the program that does asks for each
// domain, connects, and tells what it met.
//
//	d, err := policies.Destination(ctx, "example.org", outbound.AsPublished)
//	...
//	for _, host := range d.Hosts {
//		// connect to host.Addresses, EHLO, STARTTLS with host.TLS()
//		verdict := host.Judge(outbound.Outcome{STARTTLS: true, State: &state, Err: err})
//		// verdict.Action: Send, SendPlain or Skip
//	}
//
// # What domains ask for
//
//   - DANE (RFC 7672): TLSA records in a zone that DNSSEC signs say which certificates a server may have. They need a resolver that validates, and that
//     is reached over a way that nobody can change: see [DNS].
//   - MTA-STS (RFC 8461): a policy, fetched by HTTPS and remembered, names the servers, which must have certificates of public authorities.
//   - Neither: TLS is used if it works (opportunistic, RFC 7435), whatever the certificate; else the message goes in clear.
//
// Where a domain has both, the certificate must be as DANE says, and the server one that the policy names. A DNS answer that should be signed and is not
// (bogus) makes mail wait: an attacker must not gain by it.
//
// # What senders ask for
//
// [RequireTLS] is for messages that were submitted with REQUIRETLS (RFC 8689): they go only to servers whose name and certificate are verified and that promise the
// same. [Optional] is for those with the field "TLS-Required: No": TLS is tried, and nothing that fails holds them up.
//
// # Reports
//
// Each success and failure is counted in [Reports], by what the domain had published, and once a day becomes the JSON of RFC 8460, which [ReportAddresses] says where to
// send.
package outbound
