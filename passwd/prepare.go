package passwd

import "golang.org/x/text/secure/precis"

// prepare returns the form of a password in which different ways to type it are the same: the profile OpaqueString of PRECIS (RFC 8265,
// section 4.2), which is NFC with every kind of space as U+0020. What the profile refuses (control characters, unassigned ones) stays
// as it is.
func prepare(password string) string {
	if p, err := precis.OpaqueString.String(password); err == nil {
		return p
	}
	return password
}
