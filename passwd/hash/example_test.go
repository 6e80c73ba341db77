package hash_test

import (
	"fmt"

	"github.com/mailhavn/mailhavn/passwd/hash"
)

// A password from another server's database.
func ExampleParse() {
	h, err := hash.Parse("{SSHA}z1TTdd7DIuV1zh1A8+zuZhcRsAK44UjT")
	fmt.Println(h.Scheme(), err)
	fmt.Println(h.Match("anna", "pässwörd 1"), h.Match("anna", "password 1"))

	_, err = hash.Parse("$6$rounds=999999999$salt$hash")
	fmt.Println(err)
	// Output:
	// SSHA <nil>
	// true false
	// this "SHA512-CRYPT" password hash cannot be used: its rounds are not 1000 to 1000000
}
