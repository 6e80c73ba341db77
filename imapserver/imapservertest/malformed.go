package imapservertest

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// Malformed makes n messages that are broken in the ways in which mail is broken: boundaries, header fields, addresses, dates, encodings,
// charsets, line ends. They follow from the seed; message i is the same whatever n is. They may contain NUL.
func Malformed(seed uint64, n int) [][]byte {
	messages := make([][]byte, n)
	for i := range messages {
		m := malformer{rnd: rand.New(rand.NewPCG(seed, uint64(i)))}
		m.message()
		messages[i] = []byte(m.damage(m.String()))
	}
	return messages
}

// malformer writes one message.
type malformer struct {
	strings.Builder
	rnd        *rand.Rand
	depth      int
	boundaries []string // of the multiparts around
}

// maxMalformedDepth bounds parts within parts.
const maxMalformedDepth = 4

// chance is true once in n times.
func (m *malformer) chance(n int) bool { return m.rnd.IntN(n) == 0 }

func (m *malformer) pick(of []string) string { return of[m.rnd.IntN(len(of))] }

// message writes the header of a message and its body.
func (m *malformer) message() {
	if m.chance(12) { // no header, or none that ends
		m.WriteString(m.pick([]string{"\r\n", "text without a header", "\r\n\r\n", "no field\r\n", " \r\nSubject: behind a line of space\r\n"}))
		return
	}
	for _, f := range malformedFields {
		for range f.times(m) {
			m.field(f.name, m.pick(f.bodies))
		}
	}
	if m.chance(9) {
		m.WriteString(m.pick(oddLines))
	}
	if !m.chance(7) {
		m.field("MIME-Version", m.pick([]string{"1.0", "1.0 (odd)", "", "2.0"}))
	}
	m.entity()
}

// fieldKind is a header field with what may stand in it.
type fieldKind struct {
	name   string
	often  int // absent once in so many times, and doubled as often
	bodies []string
}

func (f *fieldKind) times(m *malformer) int {
	switch m.rnd.IntN(f.often) {
	case 0:
		return 0
	case 1:
		return 2
	}
	return 1
}

// field writes a field, now and then in an odd way.
func (m *malformer) field(name, body string) {
	switch m.rnd.IntN(40) {
	case 0:
		name = strings.ToUpper(name)
	case 1:
		name += " "
	case 2:
		name += "\t "
	case 3:
		body = " \t" + body + " \t"
	case 4:
		body = "\r\n " + body
	case 5:
		body += "\r\n \r\n\tfolded"
	case 6:
		body += "\xe9\xff"
	case 7:
		body = strings.Replace(body, " ", "\r\n\t ", 1)
	case 8:
		body += "\r" + body
	}
	m.WriteString(name + ":" + m.pick([]string{" ", " ", " ", " ", "", "  ", "\t"}) + body + "\r\n")
}

// entity writes the rest of a header, from Content-Type on, and the body.
func (m *malformer) entity() {
	for _, f := range entityFields {
		if m.chance(f.often) {
			m.field(f.name, m.pick(f.bodies))
		}
	}
	switch kind := m.rnd.IntN(20); {
	case m.depth < maxMalformedDepth && kind < 9:
		m.multipart()
	case m.depth < maxMalformedDepth && kind < 12:
		m.field("Content-Type", m.pick([]string{"message/rfc822", "message/rfc822; name=a", "MESSAGE/RFC822", "message/global", "message/rfc822 (x)"}))
		m.field("Content-Transfer-Encoding", m.pick([]string{"7bit", "8bit", "base64", ""}))
		m.endHeader()
		m.depth++
		m.message()
		m.depth--
	case kind < 13:
		m.endHeader()
		m.WriteString(m.pick(malformedTexts))
	case kind < 14: // no body
	default:
		m.leaf()
	}
}

// endHeader writes the empty line, mostly.
func (m *malformer) endHeader() {
	switch m.rnd.IntN(25) {
	case 0:
	case 1:
		m.WriteString(" \r\n")
	default:
		m.WriteString("\r\n")
	}
}

// leaf writes a part without parts, in a charset and an encoding.
func (m *malformer) leaf() {
	text := malformedTexts[m.rnd.IntN(len(malformedTexts))]
	if m.chance(2) {
		c := malformedCharsets[m.rnd.IntN(len(malformedCharsets))]
		m.field("Content-Type", fmt.Sprintf(m.pick([]string{"text/plain; charset=%s", "text/html; charset=\"%s\"", "text/plain; charset*=''%s",
			"text/plain; charset = %s (really)", "text/x-odd;charset=%s;format=flowed", "text/plain charset=%s"}), c.name))
		text = c.encode(c.text)
	} else {
		m.field("Content-Type", m.pick(malformedTypes))
	}
	encoding := m.pick(malformedEncodings)
	if !m.chance(5) {
		m.field("Content-Transfer-Encoding", encoding)
	}
	m.endHeader()
	switch e := strings.ToLower(encoding); {
	case strings.Contains(e, "base64"):
		text = m.base64(text)
	case strings.Contains(e, "quoted"):
		text = m.quotedPrintable(text)
	}
	m.WriteString(text)
}

// base64 encodes with what goes wrong: missing and wrong padding, other octets, more behind the end.
func (m *malformer) base64(text string) string {
	s := base64.StdEncoding.EncodeToString([]byte(text))
	if len(s) > 40 {
		s = s[:40] + "\r\n" + s[40:]
	}
	at := m.rnd.IntN(len(s) + 1)
	switch m.rnd.IntN(10) {
	case 0:
		return strings.TrimRight(s, "=") + "\r\n"
	case 1:
		return s[:at] + "*\xff!" + s[at:] + "\r\n"
	case 2:
		return s + "\r\nbehind the end\r\n"
	case 3:
		return s[:at] + "==" + s[at:] + "\r\n"
	case 4:
		return s[:at]
	case 5:
		return strings.NewReplacer("A", "A ", "b", "b\t", "Z", "Z\r\n").Replace(s)
	case 6:
		return strings.NewReplacer("+", "-", "/", "_").Replace(s)
	}
	return s + "\r\n"
}

// quotedPrintable encodes with what goes wrong: lower case, short and bad escapes, spaces at ends of lines.
func (m *malformer) quotedPrintable(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 0x80 || c == '=' && !m.chance(4):
			fmt.Fprintf(&b, m.pick([]string{"=%02X", "=%02X", "=%02X", "=%02x"}), c)
		case c == ' ' && m.chance(12):
			b.WriteString(m.pick([]string{" =\r\n", "= \r\n", "=20", "=", "=G1", "=4", "  \r\n", "=\n", "==20", "=\r"}))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// multipart writes a multipart with any number of parts, its delimiters right or wrong.
func (m *malformer) multipart() {
	boundary := m.boundary()
	body := m.pick([]string{"multipart/mixed", "multipart/alternative", "multipart/digest", "Multipart/Related", "multipart/signed; micalg=x",
		"multipart/report", "multipart/", "multipart"})
	switch m.rnd.IntN(14) {
	case 0:
		body += "; boundary=" + boundary + "; boundary=other"
	case 1: // no boundary parameter
	case 2:
		body += "; boundary*0=\"" + boundary[:len(boundary)/2] + "\"; boundary*1=\"" + boundary[len(boundary)/2:] + "\""
	case 3:
		body += "; boundary*=us-ascii'en'" + boundary
	case 4:
		body += "; boundary=\"" + boundary
	case 5:
		body += ";\r\n\tBOUNDARY = \"" + boundary + "\" (comment)"
	default:
		body += "; boundary=\"" + boundary + "\""
	}
	m.WriteString("Content-Type: " + body + "\r\n")
	if m.chance(8) {
		m.field("Content-Transfer-Encoding", m.pick(malformedEncodings))
	}
	m.endHeader()
	m.WriteString(m.pick([]string{"", "", "preamble\r\n", "preamble", "\r\n", "--\r\n"}))
	m.boundaries = append(m.boundaries, boundary)
	m.depth++
	for range m.rnd.IntN(4) {
		m.delimiter("")
		m.entity()
	}
	m.depth--
	if !m.chance(6) {
		m.delimiter("--")
		m.WriteString(m.pick([]string{"", "", "epilogue", "epilogue\r\n", "\r\n"}))
	}
	m.boundaries = m.boundaries[:len(m.boundaries)-1]
}

// boundary makes one up; it may be that of a multipart around, or begin like it, or be too long.
func (m *malformer) boundary() string {
	if n := len(m.boundaries); n > 0 {
		switch m.rnd.IntN(12) {
		case 0:
			return m.boundaries[n-1]
		case 1:
			return m.boundaries[0] + "-"
		case 2:
			return m.boundaries[n-1] + "--x"
		case 3:
			return m.boundaries[n-1][:1]
		}
	}
	b := fmt.Sprintf("=_%x", m.rnd.Uint32())
	switch m.rnd.IntN(20) {
	case 0:
		return strings.Repeat(b, 16)[:71+m.rnd.IntN(25)]
	case 1:
		return strings.Repeat(b, 16)[:70]
	case 2:
		return b + " "
	case 3:
		return "a"
	case 4:
		return "\xe4\xf6'()+_,-./:=?"
	}
	return b
}

// delimiter writes the delimiter of the innermost multipart, mostly.
func (m *malformer) delimiter(end string) {
	b := m.boundaries[m.rnd.IntN(len(m.boundaries))]
	if !m.chance(10) {
		b = m.boundaries[len(m.boundaries)-1]
	}
	m.WriteString(m.pick([]string{"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "", "\n", "\r\n\r\n"}))
	m.WriteString("--" + b + end)
	m.WriteString(m.pick([]string{"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", " \t\r\n", "more\r\n", "\n", "--\r\n"}))
}

// damage breaks a message as a whole.
func (m *malformer) damage(s string) string {
	at := 1 + m.rnd.IntN(len(s))
	switch m.rnd.IntN(25) {
	case 0:
		return strings.ReplaceAll(s, "\r\n", "\n")
	case 1:
		return s[:at]
	case 2:
		return s[:at] + "\x00" + s[at:]
	case 3:
		return s[:at] + "\r" + s[at:]
	case 4:
		return s[:at] + "\n" + s[at:]
	case 5:
		return strings.TrimRight(s, "\r\n") + "x"
	case 6:
		return s[:at] + s[min(at+1+m.rnd.IntN(9), len(s)):]
	case 7:
		return s[:at] + strings.Repeat("x", 1100) + s[at:]
	}
	return s
}

// malformedCharset is a charset as mail names it.
type malformedCharset struct{ name, real, text string }

// encode gives the octets of a text; what the charset lacks is written as the octets of UTF-8.
func (c malformedCharset) encode(text string) string {
	e, err := htmlindex.Get(c.real)
	if err != nil {
		return text
	}
	encoded, err := encoding.ReplaceUnsupported(e.NewEncoder()).String(text)
	if err != nil {
		return text
	}
	return encoded
}
