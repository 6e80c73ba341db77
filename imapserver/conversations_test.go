package imapserver

import (
	"os"
	"testing"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
)

// TestConversations holds the server to the conversations in testdata, in every mode.
func TestConversations(t *testing.T) {
	s := newTestServer(t, nil)
	imapservertest.Run(t, imapservertest.Server{
		Name: "mailhavn", Dial: s.dialTLS, DialPlain: s.dialPlain, TLS: s.clientTLS, NewAccount: s.newAccount,
	}, os.DirFS("testdata"))
}
