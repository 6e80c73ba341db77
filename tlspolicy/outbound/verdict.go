package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mailhavn/mailhavn/tlspolicy"
)

// Result is why something is not as a policy wants it, by the names of RFC 8460, section 4.3.
type Result string

// The results that there are here.
const (
	STARTTLSNotSupported    Result = "starttls-not-supported"
	CertificateHostMismatch Result = "certificate-host-mismatch"
	CertificateExpired      Result = "certificate-expired"
	CertificateNotTrusted   Result = "certificate-not-trusted"
	ValidationFailure       Result = "validation-failure" // any other
	TLSAInvalid             Result = "tlsa-invalid"
	DNSSECInvalid           Result = "dnssec-invalid"
	STSPolicyFetchError     Result = "sts-policy-fetch-error"
	STSPolicyInvalid        Result = "sts-policy-invalid"
	STSWebPKIInvalid        Result = "sts-webpki-invalid"
)

// Enhanced status codes for the sender of a message that is not sent.
const (
	statusBadDomain   = "5.1.2"  // RFC 3463
	statusNullMX      = "5.1.10" // RFC 7505
	statusNoTLS       = "5.7.10" // RFC 8689, section 4.2.1
	statusNoREQUIRE   = "5.7.30" // RFC 8689, section 4.2.1
	statusPolicy      = "4.7.5"  // RFC 3463: cryptographic failure
	statusUnreachable = "4.4.3"  // RFC 3463: directory server failure
)

// Failure is why a server, or all of a domain, may not have a message.
type Failure struct {
	Type      Result
	Domain    string // of the recipient
	Host      string // the server; "" if it is about the domain
	Reason    string // a word for the report; may be ""
	Status    string // enhanced status code (RFC 3463) for a report to the sender
	Permanent bool   // trying again later does not help
	Err       error
}

// Error names domain and server.
func (f *Failure) Error() string {
	where := f.Domain
	if f.Host != "" {
		where += ", server " + f.Host
	}
	return fmt.Sprintf("mail to %s: %s: %v", where, f.Type, f.Err)
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

func (h *Host) failure(kind Result, err error) *Failure {
	f := &Failure{Type: kind, Domain: h.domain, Host: h.Name, Status: statusPolicy, Err: err}
	if h.wish == RequireTLS {
		f.Status, f.Permanent = statusNoTLS, true
	}
	return f
}

// dnsFailure is a lookup that did not succeed; a bogus answer is counted.
func (p *Policies) dnsFailure(domain, host string, key policyKey, err error) *Failure {
	f := &Failure{Type: ValidationFailure, Domain: domain, Host: host, Status: statusUnreachable, Err: err}
	if errors.Is(err, ErrBogus) {
		f.Type = DNSSECInvalid
		p.count(key, Outcome{}, f)
	}
	return f
}

// allFailed is the failure of a domain none of whose servers may be used: it may pass if one of theirs may.
func allFailed(domain string, wish Wish, failures []error) *Failure {
	all := &Failure{Type: ValidationFailure, Domain: domain, Status: statusPolicy, Permanent: wish == RequireTLS, Err: errors.New("it has no server")}
	if len(failures) > 0 {
		all.Err = errors.Join(failures...)
	}
	for _, err := range failures {
		var f *Failure
		if errors.As(err, &f) {
			all.Type, all.Status, all.Permanent = f.Type, f.Status, all.Permanent && f.Permanent
		}
	}
	return all
}

// TLS returns the configuration for the handshake after STARTTLS. Where the level asks for a certificate, it is checked in the handshake.
func (h *Host) TLS() (*tls.Config, error) {
	config, err := h.policies.TLS.Client(h.base)
	if err != nil {
		return nil, err
	}
	strong := config.VerifyConnection
	config.InsecureSkipVerify = true // below, as the level says
	config.VerifyConnection = nil
	if h.Level >= Authority {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if f := h.verify(h.Level, state.PeerCertificates); f != nil {
				return f
			}
			return strong(state)
		}
	}
	return config, nil
}

// verify checks a server's certificate as a level wants it.
func (h *Host) verify(level Level, chain []*x509.Certificate) *Failure {
	var err error
	now := h.policies.time()
	switch level {
	case Opportunistic, Encrypted:
		return nil
	case DANE:
		err = verifyDANE(h.records, chain, h.names, now)
	case Authority:
		o := x509.VerifyOptions{Roots: h.policies.Roots, DNSName: h.Name, Intermediates: x509.NewCertPool(), CurrentTime: now}
		for _, c := range chain[1:] {
			o.Intermediates.AddCert(c)
		}
		_, err = chain[0].Verify(o)
	}
	if err == nil {
		return nil
	}
	return h.failure(certificateResult(err), err)
}

// certificateResult is the kind of an error of x509.
func certificateResult(err error) Result {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var weak *tlspolicy.CertificateError
	switch {
	case errors.As(err, &host):
		return CertificateHostMismatch
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return CertificateExpired
	case errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &weak):
		return CertificateNotTrusted
	}
	return ValidationFailure
}

// Outcome is what was met at a server.
type Outcome struct {
	STARTTLS   bool                 // the server offered it
	State      *tls.ConnectionState // after the handshake; nil if there was none, or it failed
	Err        error                // of STARTTLS or the handshake
	RequireTLS bool                 // the server offers REQUIRETLS, after the handshake

	// For reports; may be left out.
	Local, Remote netip.Addr
	HELO          string // what the server calls itself
}

// Action is what to do with a server.
type Action int

// The actions.
const (
	Skip      Action = iota // the message must not be sent to this server
	Send                    // send it over this connection
	SendPlain               // send it without TLS, over a new connection if a handshake has failed
)

var actionNames = []string{"skip", "send", "send plain"}

// String returns the action's name.
func (a Action) String() string { return actionNames[a] }

// Verdict is what to do with a server, and why.
type Verdict struct {
	Action     Action
	RequireTLS bool     // give the parameter REQUIRETLS with MAIL FROM
	Failure    *Failure // what is not as the domain or the sender wants it, nil if all is; it has been counted
}

// Judge tells whether a message may be sent to this server, after what was met there, and counts it. If it is Skip for all hosts of a destination, the message
// waits, or, if Failure.Permanent, goes back to its sender.
func (h *Host) Judge(o Outcome) Verdict {
	failure := h.assess(h.wanted, o)
	h.policies.count(h.policy, o, failure)
	blocking := failure
	if h.Level != h.wanted {
		blocking = h.assess(h.Level, o)
	}
	if blocking == nil && h.wish == RequireTLS && !o.RequireTLS {
		blocking = h.failure(ValidationFailure, errors.New("the server does not offer REQUIRETLS"))
		blocking.Status = statusNoREQUIRE
	}
	switch {
	case o.State != nil && (blocking == nil || h.Level == Opportunistic):
		return Verdict{Send, h.wish == RequireTLS, failure}
	case o.State == nil && h.Level == Opportunistic:
		return Verdict{SendPlain, false, failure}
	}
	return Verdict{Skip, false, blocking}
}

// assess tells what is wrong at a level; without TLS something always is.
func (h *Host) assess(level Level, o Outcome) *Failure {
	var own *Failure
	switch {
	case errors.As(o.Err, &own):
		return own
	case o.Err != nil:
		return h.failure(certificateResult(o.Err), o.Err)
	case !o.STARTTLS:
		return h.failure(STARTTLSNotSupported, errors.New("the server does not offer STARTTLS"))
	case o.State == nil || !o.State.HandshakeComplete || len(o.State.PeerCertificates) == 0:
		return h.failure(ValidationFailure, errors.New("there was no handshake"))
	}
	return h.verify(level, slices.Clone(o.State.PeerCertificates))
}
