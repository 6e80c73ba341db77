// Package imapserver is an IMAP4rev1 and IMAP4rev2 server for mail kept by package storage.
package imapserver
