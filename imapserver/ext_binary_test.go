package imapserver

import "testing"

// TestBinary checks FETCH of decoded parts (RFC 3516).
func TestBinary(t *testing.T) {
	c := newTestServer(t, nil).session(t, 0)
	const message = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n" +
		"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: x-unknown\r\n\r\nx\r\n--b--\r\n"
	c.append("INBOX", "", message)
	c.want("FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1])", "* 1 FETCH (BINARY[1] ~{4}\r\n\x00\x01\x02\x03 BINARY.SIZE[1] 4)", ". OK …")
	c.want("FETCH 1 BINARY.PEEK[1]<1.2>", "* 1 FETCH (BINARY[1]<1> ~{2}\r\n\x01\x02)", ". OK …")
	c.want("FETCH 1 BINARY.PEEK[1]<9.2>", "* 1 FETCH (BINARY[1]<9> ~{0}\r\n)", ". OK …")
	c.want("FETCH 1 (UID BINARY.PEEK[2])", ". NO [UNKNOWN-CTE] …")
	c.want("FETCH 1 (BINARY[3] BINARY.SIZE[3])", `* 1 FETCH (FLAGS (\Seen \Recent) BINARY[3] NIL BINARY.SIZE[3] 0)`, ". OK …")
	c.want("FETCH 1 BINARY", ". BAD …")
}
