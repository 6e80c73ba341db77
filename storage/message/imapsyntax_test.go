package message

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// parseIMAP reads one value of IMAP's syntax strictly: nil for NIL, string, int64 or []any. It is
// the judge of what this package renders.
func parseIMAP(b []byte) (value any, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errors.New("value missing")
	}
	switch c := b[0]; {
	case c == '(':
		return parseList(b[1:])
	case c == '"':
		return parseQuoted(b[1:])
	case c == '{':
		return parseLiteral(b)
	case c >= '0' && c <= '9':
		n := 0
		for n < len(b) && b[n] >= '0' && b[n] <= '9' {
			n++
		}
		number, err := strconv.ParseInt(string(b[:n]), 10, 64)
		return number, b[n:], err
	case bytes.HasPrefix(b, []byte("NIL")):
		return nil, b[3:], nil
	}
	return nil, nil, fmt.Errorf("unexpected %q", b[:min(len(b), 20)])
}

func parseList(b []byte) (any, []byte, error) {
	list := []any{}
	for {
		v, rest, err := parseIMAP(b)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, v)
		if len(rest) == 0 {
			return nil, nil, errors.New("list without end")
		}
		switch rest[0] {
		case ')':
			return list, rest[1:], nil
		case ' ':
			rest = rest[1:]
		case '(': // between addresses and between parts there is no space
			if _, isList := v.([]any); !isList {
				return nil, nil, errors.New("list without space before it")
			}
		}
		b = rest
	}
}

func parseQuoted(b []byte) (any, []byte, error) {
	var text []byte
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return string(text), b[i+1:], nil
		case c == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\'):
			i++
			text = append(text, b[i])
		case c == '\\' || c >= 0x80 || c == 0 || c == '\r' || c == '\n':
			return nil, nil, fmt.Errorf("byte %#x in quoted string", c)
		default:
			text = append(text, c)
		}
	}
	return nil, nil, errors.New("quoted string without end")
}

func parseLiteral(b []byte) (any, []byte, error) {
	end := bytes.Index(b, []byte("}\r\n"))
	if end < 0 {
		return nil, nil, errors.New("literal without end of size")
	}
	n, err := strconv.Atoi(string(b[1:end]))
	if err != nil || n > len(b)-end-3 {
		return nil, nil, errors.New("bad literal size")
	}
	text := b[end+3:][:n]
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, nil, errors.New("NUL in literal")
	}
	return string(text), b[end+3+n:], nil
}

// checkEnvelope checks the form of an envelope.
func checkEnvelope(v any) error {
	items, ok := v.([]any)
	if !ok || len(items) != 10 {
		return fmt.Errorf("envelope %v", v)
	}
	for i, item := range items {
		if i < 2 || i > 7 {
			if err := checkNString(item); err != nil {
				return err
			}
			continue
		}
		if item == nil {
			continue
		}
		list, ok := item.([]any)
		if !ok || len(list) == 0 {
			return fmt.Errorf("address list %v", item)
		}
		for _, a := range list {
			address, ok := a.([]any)
			if !ok || len(address) != 4 {
				return fmt.Errorf("address %v", a)
			}
			for _, s := range address {
				if err := checkNString(s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func checkNString(v any) error {
	if _, ok := v.(string); !ok && v != nil {
		return fmt.Errorf("%v is no nstring", v)
	}
	return nil
}

// checkBody checks the form of BODYSTRUCTURE (RFC 9051, section 9: body) or BODY, and counts the
// parts.
func checkBody(v any, extended bool) (parts int, err error) {
	items, ok := v.([]any)
	if !ok || len(items) < 2 {
		return 0, fmt.Errorf("body %v", v)
	}
	parts = 1
	want := 0
	if _, multipart := items[0].([]any); multipart {
		for want < len(items) {
			if _, ok := items[want].([]any); !ok {
				break
			}
			n, err := checkBody(items[want], extended)
			if err != nil {
				return 0, err
			}
			parts += n
			want++
		}
		want++ // subtype
		if extended {
			want += 4
		}
	} else {
		want = 7
		kind, _ := items[0].(string)
		switch subtype := items[1].(string); {
		case kind == "message" && subtype == "rfc822":
			if len(items) < 9 {
				return 0, fmt.Errorf("message %v", items)
			}
			if err := checkEnvelope(items[7]); err != nil {
				return 0, err
			}
			n, err := checkBody(items[8], extended)
			if err != nil {
				return 0, err
			}
			parts += n
			want = 10
		case bytes.EqualFold([]byte(kind), []byte("text")):
			want = 8
		}
		if extended {
			want += 4
		}
	}
	if len(items) != want {
		return 0, fmt.Errorf("%d items, want %d: %v", len(items), want, items)
	}
	return parts, nil
}
