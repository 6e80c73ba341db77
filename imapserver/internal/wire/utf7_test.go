package wire

import (
	"strings"
	"testing"
	"unicode/utf8"
)

var utf7Tests = []struct{ utf8, utf7 string }{
	{"", ""},
	{"INBOX", "INBOX"},
	{"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"}, // RFC 3501, section 5.1.3
	{"台北日本語", "&U,BTF2XlZyyKng-"},                             // RFC 3501, section 5.1.3: without a superfluous shift
	{"&", "&-"},
	{"&&", "&-&-"},
	{"a&b", "a&-b"},
	{"å", "&AOU-"},
	{"å&å", "&AOU-&-&AOU-"},
	{"å-å", "&AOU--&AOU-"},
	{"åå", "&AOUA5Q-"},
	{"ååå", "&AOUA5QDl-"},
	{"\t", "&AAk-"},
	{"\x7f", "&AH8-"},
	{"📧", "&2D3c5w-"},
	{"x📧📧y", "x&2D3c59g93Oc-y"},
	{"\u0080\ufffd\uffff", "&AID,,f,,-"},
	{"\U0010ffff", "&2,,f,w-"},
	{"+,/\\\"~", "+,/\\\"~"},
}

func TestUTF7(t *testing.T) {
	for _, tt := range utf7Tests {
		if got := EncodeUTF7(tt.utf8); got != tt.utf7 {
			t.Errorf("EncodeUTF7(%q) = %q, want %q", tt.utf8, got, tt.utf7)
		}
		if got := string(AppendUTF7([]byte("x"), tt.utf8)); got != "x"+tt.utf7 {
			t.Errorf("AppendUTF7(%q) = %q, want %q", tt.utf8, got, "x"+tt.utf7)
		}
		if got, ok := DecodeUTF7(tt.utf7); !ok || got != tt.utf8 {
			t.Errorf("DecodeUTF7(%q) = %q, %v, want %q", tt.utf7, got, ok, tt.utf8)
		}
	}
	if got := EncodeUTF7("a\xffb"); got != "a&,,0-b" {
		t.Errorf("not UTF-8: %q", got)
	}
}

func TestUTF7Refused(t *testing.T) {
	for in, why := range map[string]string{
		"&":            "no end",
		"&AOU":         "no end",
		"a&AOU":        "no end",
		"&A-":          "no character",
		"&AO-":         "no character",
		"&AOUA-":       "bits left over",
		"&AOUAA-":      "bits left over",
		"&AOV-":        "padding bits",
		"&AOUA5R-":     "padding bits",
		"&AOU=-":       "padding",
		"&AO U-":       "not base64",
		"&AOU/-":       "not modified",
		"&AOU-&AOU-":   "two shifts",
		"&AGE-":        "a in base64",
		"&ACY-":        "& in base64",
		"&ACA-":        "space in base64",
		"&AH4-":        "~ in base64",
		"&AOUAYQ-":     "a in base64 after another",
		"&AAA-":        "NUL",
		"&2D0-":        "high surrogate alone",
		"&3Oc-":        "low surrogate alone",
		"&2D0AOQ-":     "high surrogate, then a character",
		"&2D3YPQ-":     "two high surrogates",
		"&3OfYPQ-":     "surrogates in wrong order",
		"\xc3\xa5":     "8-bit",
		"a\tb":         "control character",
		"&AOU-\x00":    "control character",
		"a\x7f":        "control character",
		"&AOU-\r\n":    "control character",
		"&\xc3\xa5-":   "8-bit in base64",
		"&AOU-&":       "no end",
		"&AOUA5Q-&AOU": "no end",
	} {
		if got, ok := DecodeUTF7(in); ok {
			t.Errorf("DecodeUTF7(%q) = %q, want no answer: %s", in, got, why)
		}
	}
}

// Code points alone and beside others come back: all of the first plane, and some of each other.
func TestUTF7CodePoints(t *testing.T) {
	for r := rune(1); r <= utf8.MaxRune; r++ {
		if r > 0xffff {
			r += 30
		}
		if !utf8.ValidRune(r) {
			continue
		}
		for _, s := range []string{string(r), "å" + string(r), "a" + string(r) + "&"} {
			if got, ok := DecodeUTF7(EncodeUTF7(s)); !ok || got != s {
				t.Fatalf("%U: got %q, %v, want %q", r, got, ok, s)
			}
		}
	}
}

func TestUTF7IsLinear(t *testing.T) {
	name := strings.Repeat("å", 1<<20)
	if got, ok := DecodeUTF7(EncodeUTF7(name)); !ok || got != name {
		t.Error("a long name does not come back")
	}
}

func FuzzUTF7(f *testing.F) {
	for _, tt := range utf7Tests {
		f.Add(tt.utf7)
		f.Add(tt.utf8)
	}
	for _, s := range []string{"&2D0-", "&AOU-&AOU-", "&AGE-", "&AOV-", "&AAA-", "a\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if name, ok := DecodeUTF7(s); ok {
			if again := EncodeUTF7(name); again != s || !utf8.ValidString(name) {
				t.Errorf("%q is %q, whose encoding is %q", s, name, again)
			}
		}
		encoded := EncodeUTF7(s)
		for i := range len(encoded) {
			if encoded[i] < ' ' || encoded[i] > '~' {
				t.Fatalf("%q is written %q", s, encoded)
			}
		}
		if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			return
		}
		if name, ok := DecodeUTF7(encoded); !ok || name != s {
			t.Errorf("%q is written %q, which is %q, %v", s, encoded, name, ok)
		}
	})
}
