// Package mech has the server sides of SASL mechanisms (RFC 4422), for any server that takes a [sasl.Server]: PLAIN, LOGIN, SCRAM-SHA-1,
// -256, -512 and their -PLUS, OAUTHBEARER, XOAUTH2 and EXTERNAL. They know messages and proofs; who the users are, functions tell that they are given.
//
// A server serves one exchange and is used by one goroutine. Messages are bounded and read strictly: there is one way to write each.
// Errors quote no passwords and no tokens; those about a message's form are [ErrMessage].
package mech
