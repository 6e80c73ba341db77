// Package passkey lets users of a web page log in with passkeys (W3C Web Authentication, level 3) in place of password and second factor. Mail
// protocols have no place for them; who has one reads mail with app passwords (passwd.SetAppOnly).
//
// A [Site] does both ceremonies. Each begins with options for the browser and a session for the page's own store, and ends with the session
// and what the browser has answered:
//
//	options → PublicKeyCredential.parseCreationOptionsFromJSON → navigator.credentials.create → toJSON → FinishRegistration
//	options → PublicKeyCredential.parseRequestOptionsFromJSON  → navigator.credentials.get    → toJSON → FinishLogin
//
// Keys are discoverable ones, so the options for a login name no keys and are the same for everybody: a stranger learns from them neither who exists
// nor who has passkeys. Users are verified by their device (PIN, finger, face); what comes from another origin or for another site is refused;
// and so is a key whose counter does not grow, since there are two of it then. Of what make a device is, is not asked for (attestation "none").
//
// What is kept is in the attributes of a user that begin with "passkey": public keys and counters, no secrets. Guessing is hopeless, but
// the page should slow down those who try, as for passwords, because a look-up costs something.
package passkey
