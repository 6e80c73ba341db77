package tlspolicy

// Problem is what is wrong with a certificate or its key. The values are names
// for programs to compare and to log; they do not change.
type Problem string

// The problems that [Load], [SelfSigned] and [Policy.Server] find.
const (
	NoFile        Problem = "no-file"        // the file does not exist
	Unreadable    Problem = "unreadable"     // no permission, not a regular file, too large, input error
	Exposed       Problem = "exposed"        // other users can read or change the file of the key
	NoCertificate Problem = "no-certificate" // there is no certificate
	NoKey         Problem = "no-key"         // there is no private key
	EncryptedKey  Problem = "encrypted-key"  // the private key is protected by a passphrase
	Malformed     Problem = "malformed"      // a PEM block cannot be parsed
	Mismatch      Problem = "mismatch"       // the key is not that of the certificate
	ChainOrder    Problem = "chain-order"    // a certificate is not issued by the one that follows it
	Expired       Problem = "expired"        // the certificate or one of its chain is past its end
	NotYetValid   Problem = "not-yet-valid"  // the certificate begins in the future
	NoNames       Problem = "no-names"       // no DNS name or IP address that clients would accept
	WrongUse      Problem = "wrong-use"      // not a certificate for TLS servers
	WeakKey       Problem = "weak-key"       // kind or size of the key, or a broken hash in its signature
)

// CertificateError tells which certificate cannot be used, why, and what to do.
// It never contains a part of a private key.
type CertificateError struct {
	File    string // path of the file at fault, empty if it did not come from one
	Problem Problem
	Detail  string // one sentence for the operator, without the file's name
	Err     error  // the cause, or nil
}

// Error returns the file, the sentence and the cause.
func (e *CertificateError) Error() string {
	s := e.Detail
	if e.File != "" {
		s = e.File + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *CertificateError) Unwrap() error { return e.Err }
