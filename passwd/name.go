package passwd

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest user name in bytes: that of an address (RFC 5321,
// section 4.5.3.1.3, without its angle brackets).
const MaxName = 254

// forbidden are characters that would be taken for something else: by the user
// file, by folders and URLs, by quoting in mail protocols.
const forbidden = `:/\"<>`

// CanonicalName returns the form of a user name under which it is stored and
// compared, or a [*NameError].
//
// A name is 1 to MaxName bytes of UTF-8 without white space, control and
// invisible characters and without any of : / \ " < >. It does not begin with
// "-" (an option to programs), "." or "#". It may be a whole address.
//
// The canonical form is in lower case. Telephones capitalise what one types
// first, people write addresses in any case, and two users that differ only in
// case could be taken for each other; so they are the same user, as in the
// UsernameCaseMapped profile of RFC 8265, section 3.3. Passwords keep their case.
func CanonicalName(name string) (string, error) {
	if reason := nameFault(name); reason != "" {
		return "", &NameError{Name: name, Reason: reason}
	}
	lower := strings.ToLower(name)
	if len(lower) > MaxName { // a few characters are longer in lower case
		return "", &NameError{Name: name, Reason: tooLong}
	}
	return lower, nil
}

var tooLong = fmt.Sprintf("it is longer than %d bytes", MaxName)

// nameFault returns why name is not one, or "".
func nameFault(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case len(name) > MaxName:
		return tooLong
	case !utf8.ValidString(name):
		return "it is not valid UTF-8"
	case strings.ContainsRune("-.#", rune(name[0])):
		return fmt.Sprintf("it begins with %q", name[0])
	}
	for _, r := range name {
		switch {
		case strings.ContainsRune(forbidden, r):
			return fmt.Sprintf("it contains %q", r)
		case unicode.IsSpace(r):
			return "it contains white space"
		case !unicode.IsGraphic(r): // controls, format characters, unassigned and private ones
			return fmt.Sprintf("it contains the invisible character %U", r)
		}
	}
	return ""
}
