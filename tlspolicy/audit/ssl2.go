package audit

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// ssl2Hello is the CLIENT-HELLO of SSL 2.0 with all seven kinds of ciphers that it
// had (draft-hickman-netscape-ssl-00, section 2.5).
func ssl2Hello() []byte {
	ciphers := []byte{1, 0, 0x80, 2, 0, 0x80, 3, 0, 0x80, 4, 0, 0x80, 5, 0, 0x80, 6, 0, 0x40, 7, 0, 0xc0}
	challenge := make([]byte, 16)
	rand.Read(challenge)
	body := slices.Concat([]byte{1, 0, 2, 0, byte(len(ciphers)), 0, 0, 0, byte(len(challenge))}, ciphers, challenge)
	return append(binary.BigEndian.AppendUint16(nil, 0x8000|uint16(len(body))), body...)
}

// ssl2Accepts reports whether what a server answers is a SERVER-HELLO of SSL 2.0
// that names a cipher.
func ssl2Accepts(r io.Reader) (bool, error) {
	head := make([]byte, 13)
	if _, err := io.ReadFull(r, head); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) { // an alert of TLS is shorter
			return false, nil
		}
		return false, err
	}
	const serverHello = 4
	ciphers := binary.BigEndian.Uint16(head[9:])
	return head[0]&0x80 != 0 && head[2] == serverHello && head[5] == 0 && head[6] == 2 && ciphers > 0, nil
}
