package message

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	// previewLength is how many characters a preview has at most (RFC 8970, section 3.3).
	previewLength = 200
	// maxPreviewText is how much of the text of a part is looked at, in bytes.
	maxPreviewText = 256 << 10
	// maxPreviewParts is how many parts are looked at.
	maxPreviewParts = 10
)

// Preview is the beginning of what the message says, as one line of plain text in UTF-8 (RFC 8970, section 3.3); empty where nothing can
// be shown. It is not known before [Summary.WithPreview] has made it.
func (s Summary) Preview() (text []byte, known bool) { return s.preview, s.flags&flagPreview != 0 }

// WithPreview returns the Summary with a preview. content is the message in wire form. The error is one of reading.
func (s Summary) WithPreview(content io.ReaderAt) (Summary, error) {
	preview, err := s.makePreview(content)
	if err != nil || len(s.raw) == 0 || s.flags&flagPreview != 0 {
		return s, err
	}
	raw := append(slices.Clone(s.raw), preview...)
	raw[1] |= flagPreview
	return DecodeSummary(raw)
}

// makePreview takes the first part that has text for people.
func (s Summary) makePreview(content io.ReaderAt) ([]byte, error) {
	looked := 0
	for r := s.reader(); r.next() && looked < maxPreviewParts; {
		part := r.info()
		write := previewers[part.MediaType]
		if write == nil || part.Multipart || part.Message || part.BodySize == 0 || r.flags&isOverflow != 0 {
			continue
		}
		looked++
		var p previewer
		body := io.NewSectionReader(content, part.BodyOffset, part.BodySize)
		if err := write(&p, io.LimitReader(DecodedText(body, part), maxPreviewText)); err != nil {
			return nil, err
		}
		if text := p.result(); len(text) > 0 {
			return text, nil
		}
	}
	return nil, nil
}

var previewers = map[string]func(*previewer, io.Reader) error{"text/plain": (*previewer).plain, "text/html": (*previewer).html}

// previewer gathers text. What is quoted from another message counts only where there is nothing else.
type previewer struct{ own, quoted line }

func (p *previewer) result() []byte {
	if len(p.own.text) > 0 {
		return p.own.text
	}
	return p.quoted.text
}

// plain reads text/plain.
func (p *previewer) plain(r io.Reader) error {
	lines := bufio.NewReader(r)
	var held []byte // a line that perhaps introduces a quotation
	for armor := false; !p.own.full(); {
		text, err := lines.ReadSlice('\n') // a long line comes in pieces, which does not matter
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return err
		}
		trimmed := bytes.TrimSpace(text)
		switch {
		case bytes.HasPrefix(text, []byte("-----BEGIN PGP MESSAGE-----")): // not for us to read (RFC 9580, section 6.2)
			p.own, p.quoted = line{}, line{}
			return nil
		case bytes.HasPrefix(text, []byte("-----BEGIN PGP SIGNED MESSAGE-----")): // its headers end with an empty line (RFC 9580, section 7)
			armor = true
		case bytes.HasPrefix(text, []byte("-----BEGIN PGP SIGNATURE-----")):
			err = io.EOF
		case armor:
			armor = len(trimmed) > 0
		case bytes.HasPrefix(text, []byte(">")):
			held = nil
			p.quoted.add(bytes.TrimLeft(trimmed, "> "))
		case bytes.Equal(bytes.TrimRight(text, "\r\n"), []byte("-- ")) && len(p.own.text) > 0: // a signature (RFC 3676, section 4.3)
			err = io.EOF
		case len(trimmed) > 0:
			p.own.add(held)
			held = nil
			if bytes.HasSuffix(trimmed, []byte(":")) {
				held = slices.Clone(trimmed)
			} else {
				p.own.add(trimmed)
			}
		}
		if err == io.EOF {
			break
		}
	}
	p.own.add(held)
	return nil
}

// unseen are elements whose text is not shown.
var unseen = map[atom.Atom]bool{atom.Script: true, atom.Style: true, atom.Title: true, atom.Noscript: true, atom.Template: true, atom.Textarea: true,
	atom.Select: true, atom.Svg: true, atom.Math: true, atom.Iframe: true, atom.Object: true}

// inline are elements that do not part words.
var inline = map[atom.Atom]bool{atom.A: true, atom.Abbr: true, atom.B: true, atom.Big: true, atom.Code: true, atom.Del: true, atom.Em: true, atom.Font: true,
	atom.I: true, atom.Ins: true, atom.Mark: true, atom.S: true, atom.Small: true, atom.Span: true, atom.Strong: true, atom.Sub: true, atom.Sup: true,
	atom.Tt: true, atom.U: true, atom.Wbr: true}

// html reads text/html.
func (p *previewer) html(r io.Reader) error {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxPreviewText)
	var hidden atom.Atom // the element that is left out
	depth, quotes := 0, 0
	for !p.own.full() {
		kind := z.Next()
		if kind == html.ErrorToken {
			if err := z.Err(); err != io.EOF && err != html.ErrBufferExceeded {
				return err
			}
			return nil
		}
		switch kind {
		case html.CommentToken, html.DoctypeToken:
			continue
		case html.TextToken:
			if hidden != 0 {
				continue
			}
			out := &p.own
			if quotes > 0 {
				out = &p.quoted
			}
			out.write(z.Text())
			continue
		}
		name, _ := z.TagName()
		tag := atom.Lookup(name)
		if !inline[tag] {
			p.own.space, p.quoted.space = true, true
		}
		step := map[html.TokenType]int{html.StartTagToken: 1, html.EndTagToken: -1}[kind]
		switch {
		case hidden != 0 && tag == hidden:
			if depth += step; depth == 0 {
				hidden = 0
			}
		case hidden == 0 && step > 0 && unseen[tag]:
			hidden, depth = tag, 1
		case tag == atom.Blockquote:
			quotes = max(0, quotes+step)
		}
	}
	return nil
}

// line is text as one line, without what is not seen and without more than one blank at a time.
type line struct {
	text   []byte
	n      int  // characters
	space  bool // a blank is due before the next word
	joiner rune // is due before the next character, if that is of the same word
}

func (l *line) full() bool { return l.n >= previewLength }

// add adds a line of text.
func (l *line) add(text []byte) {
	l.space = true
	l.write(text)
}

func (l *line) write(text []byte) {
	for _, c := range strings.ToValidUTF8(string(text), "") {
		switch {
		case l.full():
			return
		case unicode.IsSpace(c) || unicode.IsControl(c):
			l.space = true
		case c == '\u200C' || c == '\u200D': // letters to some scripts, and between emoji
			l.joiner = c
		case unicode.Is(unicode.Cf, c) || c == '\u034F': // invisible, or turns text around: fills the lines of advertisers, and hides what is meant
		default:
			l.put(c)
		}
	}
}

// put adds a character that is seen, with what is due before it.
func (l *line) put(c rune) {
	before := l.joiner
	switch {
	case l.n == 0:
		before = 0
	case l.space:
		before = ' '
	}
	l.space, l.joiner = false, 0
	if before != 0 {
		if l.n+2 > previewLength {
			l.n = previewLength
			return
		}
		l.text = append(l.text, string(before)...)
		l.n++
	}
	l.text = append(l.text, string(c)...)
	l.n++
}
