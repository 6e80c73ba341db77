package imapserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
)

// upper is a transformation that makes a message of upper case and 10 octets longer, when it is complete. It fails where the message says so.
type upper struct {
	bytes.Buffer
	dst   io.Writer
	ended chan<- struct{}
}

var errRefused = &Error{Code: "CONTACTADMIN", Text: "Not with this key"}

func (u *upper) Write(p []byte) (int, error) {
	switch {
	case bytes.Contains(p, []byte("refuse")):
		return 0, errRefused
	case bytes.Contains(p, []byte("break")):
		return 0, errors.New("something is wrong")
	}
	return u.Buffer.Write(p)
}

func (u *upper) Close() error {
	defer func() { u.ended <- struct{}{} }()
	if strings.Contains(u.String(), "too late") {
		return errRefused
	}
	_, err := io.WriteString(u.dst, strings.ToUpper(u.String())+"0123456789")
	return err
}

// TestTransform lets every command that brings a message in meet the storage's hook: what is fetched, counted and found is what it made; what the limit counts is what
// the client sends; a refusal is told and leaves nothing; COPY and MOVE do not meet it.
func TestTransform(t *testing.T) {
	ended := make(chan struct{}, 100)
	s := newTransformingServer(t, func(_ storage.ID, from storage.Origin, dst io.Writer) (io.WriteCloser, error) {
		if from != storage.Appended {
			t.Errorf("origin %d", from)
		}
		return &upper{dst: dst, ended: ended}, nil
	}, func(s *Server) { s.Limits.MessageSize = 200_000 })
	c := s.session(t, 0)
	c.append("INBOX", "", "Subject: first\r\n\r\ntext")
	c.want("FETCH 1 (RFC822.SIZE BODY.PEEK[])", "* 1 FETCH (RFC822.SIZE 32 BODY[] {32}\r\nSUBJECT: FIRST\r\n\r\nTEXT0123456789)", ". OK …")
	c.want("SEARCH SUBJECT FIRST TEXT 0123456789 LARGER 31", "* SEARCH 1", ". OK …")
	c.want(`APPEND INBOX CATENATE (URL ";UID=1/;SECTION=HEADER" TEXT {3+}`+"\r\nabc)", "* 2 EXISTS", "* 2 RECENT", ". OK …")
	c.want("FETCH 2 BODY.PEEK[]", "* 2 FETCH (BODY[] {31}\r\nSUBJECT: FIRST\r\n\r\nABC0123456789)", ". OK …")
	c.want("REPLACE 2 INBOX {3+}\r\nnew", "* OK [APPENDUID … 3] …", "* 2 EXPUNGE", "* 2 EXISTS", ". OK …")
	c.want("APPEND INBOX {3+}\r\none {3+}\r\ntwo", "* 4 EXISTS", "* 4 RECENT", ". OK …")
	c.want("FETCH 2:4 BODY.PEEK[TEXT]", "* 2 FETCH …", "* 3 FETCH …", "* 4 FETCH …", ". OK …")
	c.ok("COPY 1 INBOX")
	c.ok("MOVE 1 INBOX")
	c.want("FETCH 4:5 (RFC822.SIZE)", "* 4 FETCH (RFC822.SIZE 32)", "* 5 FETCH (RFC822.SIZE 32)", ". OK …")

	// The limit is for what is sent: 200,010 octets are stored.
	c.append("INBOX", "", strings.Repeat("x", 200_000))
	c.want("APPEND INBOX {200001}", ". NO [TOOBIG] …")
	c.want("FETCH 6 (RFC822.SIZE)", "* 6 FETCH (RFC822.SIZE 200010)", ". OK …")

	large := strings.Repeat("x", 150_000)
	for _, refused := range []struct{ command, answer string }{
		{"APPEND INBOX {11+}\r\nto refuse x", ". NO [CONTACTADMIN] Not with this key"},
		{fmt.Sprintf("APPEND INBOX {%d+}\r\nto refuse %s", len(large)+10, large), ". NO [CONTACTADMIN] Not with this key"},
		{fmt.Sprintf("APPEND INBOX {%d+}\r\n%s to refuse", len(large)+10, large), ". NO [CONTACTADMIN] Not with this key"},
		{"APPEND INBOX {8+}\r\ntoo late", ". NO [CONTACTADMIN] Not with this key"},
		{"APPEND INBOX {5+}\r\nbreak", ". NO [CANNOT] The message cannot be made ready for storing; it was not stored"},
		{"APPEND INBOX {3+}\r\none {6+}\r\nrefuse {3+}\r\ntwo", ". NO [CONTACTADMIN] Not with this key"},
		{"APPEND INBOX {3+}\r\none {8+}\r\ntoo late", ". NO [CONTACTADMIN] Not with this key"},
		{"APPEND INBOX CATENATE (TEXT {3+}\r\nabc TEXT {6+}\r\nrefuse URL \";UID=1\")", ". NO [CONTACTADMIN] Not with this key"},
		{"REPLACE 1 INBOX {6+}\r\nrefuse", ". NO [CONTACTADMIN] Not with this key"},
		{"REPLACE 1 INBOX {8+}\r\ntoo late", ". NO [CONTACTADMIN] Not with this key"},
	} {
		c.want(refused.command, refused.answer)
	}
	c.want("STATUS INBOX (MESSAGES UIDNEXT)", "* STATUS INBOX (MESSAGES 6 UIDNEXT 9)", ". OK …")
}

// TestTransformRefusesFirst lets the hook refuse a message before the client has sent it.
func TestTransformRefusesFirst(t *testing.T) {
	s := newTransformingServer(t, func(storage.ID, storage.Origin, io.Writer) (io.WriteCloser, error) { return nil, errRefused }, nil)
	c := s.session(t, 0)
	for _, command := range []string{"APPEND INBOX {1000}", "APPEND INBOX CATENATE (TEXT {1000}"} {
		c.want(command, ". NO [CONTACTADMIN] Not with this key")
	}
	c.want("STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 0)", ". OK …")
}

// TestTransformClientGone cuts the connection in the middle of a message: nothing is stored, and the transformation ends.
func TestTransformClientGone(t *testing.T) {
	ended := make(chan struct{}, 10)
	s := newTransformingServer(t, func(_ storage.ID, _ storage.Origin, dst io.Writer) (io.WriteCloser, error) {
		return &upper{dst: dst, ended: ended}, nil
	}, nil)
	clients := s.login(t, 4)
	for i, test := range []struct {
		sent     string
		messages int
	}{
		{"APPEND INBOX {100000+}\r\nhello", 1},
		{"APPEND INBOX CATENATE (TEXT {5+}\r\nhello TEXT {100000+}\r\nhello", 1},
		{"APPEND INBOX {5+}\r\nhello {100000+}\r\nhello", 2},
	} {
		clients[i].write(". " + test.sent)
		clients[i].conn.Close()
		for range test.messages {
			select {
			case <-ended:
			case <-time.After(patience):
				t.Fatalf("%q: a transformation did not end", test.sent)
			}
		}
	}
	clients[3].want("STATUS INBOX (MESSAGES UIDNEXT)", "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)", ". OK …")
}
