// Package mta lets a mail transfer agent beside the server authenticate its clients, and look recipients up, among the same users:
//
//   - [Auth] speaks the Dovecot authentication protocol, which Postfix (smtpd_sasl_type = dovecot) and Exim (driver = dovecot) speak;
//   - [Recipients] speaks Postfix's socketmap protocol (socketmap:unix:/run/x:recipients).
//
// Both listen on a Unix socket that only the mail transfer agent should be able to open: who connects is trusted to say from where
// clients come and whether they use TLS.
package mta
