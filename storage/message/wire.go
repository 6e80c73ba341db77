package message

import "bytes"

// AppendWire appends stored bytes in wire form: each LF without CR before it gets one. The bytes
// must not begin between a CR and its LF.
func AppendWire(dst, stored []byte) []byte {
	for {
		i := bytes.IndexByte(stored, '\n')
		if i < 0 {
			return append(dst, stored...)
		}
		if i > 0 && stored[i-1] == '\r' {
			dst = append(dst, stored[:i+1]...)
		} else {
			dst = append(dst, stored[:i]...)
			dst = append(dst, "\r\n"...)
		}
		stored = stored[i+1:]
	}
}
