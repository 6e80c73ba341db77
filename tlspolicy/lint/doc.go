// Package lint judges certificates before they are served: by the lints of zlint
// for what public authorities may issue, and by what a chain and a calendar show.
//
//	store, err := certs.Open(certs.Options{Folders: folders, Check: lint.Options{}.Refuse})
//	report, err := lint.Check(chain, lint.Options{Allow: []string{"life"}})
//
// # Public and private trust
//
// The rules of the CA/Browser Forum and of the root programs bind authorities that
// everybody trusts. They are applied to a certificate that says to be issued
// under them (by a class, DV to EV) or that leads to a root of this system; their
// errors refuse it. Of other certificates, self-signed or by an authority of
// one's own, zlint's lints of the RFCs are reported, as warnings; refused they are
// for what makes clients refuse them: expiry, chain-order, names.
//
// # Reports
//
// [Text] and [HTML] show reports of many certificates to people, with a timeline
// of their ends.
//
// It stands apart from tlspolicy because zlint brings hundreds of lints, which
// those who do not ask for them should not have to link.
package lint
