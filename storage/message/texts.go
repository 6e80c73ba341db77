package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// SearchTextsVersion rises whenever SearchTexts gives other texts for a message than before: what was made from them is of no use then.
const SearchTextsVersion = 4

// MaxHeaderText bounds how much of the header of a message or part SearchTexts looks at.
const MaxHeaderText = 1 << 20

// ErrCut is what SearchTexts answers, after all texts, when it has left something out: the end of a header above MaxHeaderText.
var ErrCut = errors.New("message: header is too long to be searched whole")

// TextClass tells what a text of a message is: a search for a header field looks into one class only.
type TextClass uint8

// The classes of texts.
const (
	BodyText      TextClass = iota // text of parts, and of the headers of messages within the message
	FromText                       // the field From of the message
	RecipientText                  // To, Cc and Bcc
	SubjectText                    // Subject
	OtherText                      // its other fields, and those of parts
)

var textClasses = map[string]TextClass{
	"FROM": FromText, "TO": RecipientText, "CC": RecipientText, "BCC": RecipientText, "SUBJECT": SubjectText,
}

// FieldClass returns the class of a header field of the message.
func FieldClass(name string) TextClass {
	if class, ok := textClasses[strings.ToUpper(strings.TrimSpace(name))]; ok {
		return class
	}
	return OtherText
}

// ClassesOf returns the classes that SEARCH TEXT looks into, which is all, or those of SEARCH BODY, which leaves headers out.
func ClassesOf(headers bool) []TextClass {
	if headers {
		return []TextClass{BodyText, FromText, RecipientText, SubjectText, OtherText}
	}
	return []TextClass{BodyText}
}

// SearchText is a piece of a message that people read, in UTF-8: a header field, or the text of a part. A search looks into each for itself.
type SearchText struct {
	Class TextClass
	// Outer tells that it is a field of the message or of a part: the text that SEARCH BODY does not look into (RFC 9051, section 6.4.4).
	// Fields of a message within the message are not Outer.
	Outer bool
	// Field is a field with its name, decoded, valid until the next text; nil for the text of a part.
	Field []byte
	// Value is what follows the name in Field, decoded by itself: the same, but where an encoded word follows the colon at once.
	Value []byte
	// Part reads the text of a part; nil for a field.
	Part io.Reader
}

// SearchTexts hands each text of the message on, until each returns false or an error. content is the message in wire form. Parts that are
// neither text nor messages are left out; what was not looked into because of a limit is taken for text as it stands. The error is one of reading, of each, or ErrCut.
func (s Summary) SearchTexts(content io.ReaderAt, each func(SearchText) (more bool, err error)) error {
	w := textWalk{content: content, each: each}
	inner := false // the part is a message in the message, whose header is text to people
	class := FieldClass
	for r := s.reader(); r.next(); {
		part := r.info()
		if more, err := w.header(part, !inner, class); !more || err != nil {
			return err
		}
		class = func(string) TextClass { return OtherText }
		if inner = part.Message; inner || part.Multipart || r.flags&isOverflow == 0 && !isReadable(part.MediaType) {
			continue
		}
		body := io.NewSectionReader(content, part.BodyOffset, part.BodySize)
		if more, err := each(SearchText{Part: DecodedText(body, part)}); !more || err != nil {
			return err
		}
	}
	if w.cut {
		return ErrCut
	}
	return nil
}

// isReadable tells whether parts of the type are for people to read, such as text and reports about delivery. A type that cannot be read,
// or has no subtype, is text (RFC 2045, section 5.2).
func isReadable(mediaType string) bool {
	return strings.HasSuffix(mediaType, "/") || strings.HasPrefix(mediaType, "text/") || strings.HasPrefix(mediaType, "message/")
}

type textWalk struct {
	content      io.ReaderAt
	each         func(SearchText) (bool, error)
	cut          bool
	field, value []byte
}

func (w *textWalk) header(part PartInfo, outer bool, classOf func(name string) TextClass) (more bool, err error) {
	w.cut = w.cut || part.HeaderSize > MaxHeaderText
	header := make([]byte, min(part.HeaderSize, MaxHeaderText))
	if _, err := io.ReadFull(io.NewSectionReader(w.content, part.HeaderOffset, int64(len(header))), header); err != nil {
		return false, err
	}
	for f, rest, ok := nextField(header); ok; f, rest, ok = nextField(rest) {
		name, value, _ := bytes.Cut(f.raw, []byte(":"))
		class := BodyText
		if outer {
			class = classOf(string(name))
		}
		w.field = DecodeHeader(w.field[:0], f.raw)
		w.value = DecodeHeader(w.value[:0], value)
		if more, err := w.each(SearchText{Class: class, Outer: outer, Field: w.field, Value: w.value}); !more || err != nil {
			return more, err
		}
	}
	return true, nil
}
