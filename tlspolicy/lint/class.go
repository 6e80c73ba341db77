package lint

import "crypto/x509"

// Class is how an authority has validated who a certificate is for.
type Class string

// The classes of the CA/Browser Forum, by its policy identifiers (Baseline
// Requirements, section 7.1.6.1).
const (
	Unclassed    Class = ""   // none of them: an authority of one's own, or an old certificate
	Domain       Class = "DV" // domain validated
	Organization Class = "OV" // organization validated
	Individual   Class = "IV" // individual validated
	Extended     Class = "EV" // extended validation
)

var classes = map[string]Class{
	"2.23.140.1.1":   Extended,
	"2.23.140.1.2.1": Domain,
	"2.23.140.1.2.2": Organization,
	"2.23.140.1.2.3": Individual,
}

// ClassOf returns the class that a certificate's policies tell.
func ClassOf(c *x509.Certificate) Class {
	for _, policy := range c.PolicyIdentifiers {
		if class, ok := classes[policy.String()]; ok {
			return class
		}
	}
	return Unclassed
}
