// Package lint judges certificates before they are served: by the lints of zlint
// for what public authorities may issue, and by what a chain and a calendar show.
//
//	store, err := certs.Open(certs.Options{Folders: folders, Check: lint.Options{}.Refuse})
//	report, err := lint.Check(chain, lint.Options{Allow: []string{"life"}})
//
// It stands apart from tlspolicy because zlint brings hundreds of lints, which
// those who do not ask for them should not have to link.
package lint
