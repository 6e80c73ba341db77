package imapservertest

import (
	"bytes"
	"testing"
)

// TestMalformed checks that messages follow from the seed alone, that none is empty, and that all that is to be broken is.
func TestMalformed(t *testing.T) {
	few, many := Malformed(3, 20), Malformed(3, 400)
	for i := range few {
		if !bytes.Equal(few[i], many[i]) {
			t.Errorf("message %d of 20 is not that of 400", i)
		}
	}
	if bytes.Equal(Malformed(4, 1)[0], few[0]) {
		t.Error("seeds 3 and 4 give the same message")
	}
	all := bytes.Join(many, nil)
	for _, want := range []string{"\x00", "\xff", "\r\r", "multipart/digest", "message/rfc822", "message/global", "base64", "=?koi8-r?", "\x1b$B"} {
		if !bytes.Contains(all, []byte(want)) {
			t.Errorf("nothing has %q", want)
		}
	}
	for i, m := range many {
		if len(m) == 0 {
			t.Errorf("message %d is empty", i)
		}
	}
}
