package message

import (
	"slices"
	"testing"
)

// TestBaseSubject follows RFC 5256, section 2.1, step by step.
func TestBaseSubject(t *testing.T) {
	for _, c := range []struct {
		subject, base string
		reply         bool
	}{
		{"", "", false},
		{"plain", "plain", false},
		{"  two \t words\r\n and more ", "two words and more", false},
		{"Re: plain", "plain", true},
		{"RE:plain", "plain", true},
		{"re : plain", "plain", true},
		{"Fw: plain", "plain", true},
		{"FWD: plain", "plain", true},
		{"Re: Fwd: re: plain", "plain", true},
		{"Rex: plain", "Rex: plain", false},
		{"Re", "Re", false},
		{"Re:", "", true},
		{"plain (fwd)", "plain", true},
		{"plain (FWD) (fwd) ", "plain", true},
		{"plain (fwd) x", "plain (fwd) x", false},
		{"[list] plain", "plain", false},
		{"[list] Re: plain", "plain", true},
		{"[list][two] Re: plain", "plain", true},
		{"Re: [list] plain", "plain", true},
		{"Re[2]: plain", "plain", true},
		{"Re [x] : plain", "plain", true},
		{"[list]", "[list]", false},
		{"[list] [other]", "[other]", false},
		{"Re: [list]", "[list]", true},
		{"[broken plain", "[broken plain", false},
		{"[a[b] plain", "[a[b] plain", false},
		{"[fwd: plain]", "plain", true},
		{"[Fwd: Re: plain (fwd)]", "plain", true},
		{"Re: [fwd: [fwd: plain]]", "plain", true},
		{"[fwd: plain", "[fwd: plain", false},
		{"=?utf-8?q?Re=3A_gr=C3=BC=C3=9Fe?=", "grüße", true},
		{"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab", false},
	} {
		base, reply := BaseSubject([]byte("x"), []byte(c.subject))
		if string(base) != "x"+c.base || reply != c.reply {
			t.Errorf("%q: %q, %t; want %q, %t", c.subject, base[1:], reply, c.base, c.reply)
		}
	}
}

func FuzzBaseSubject(f *testing.F) {
	f.Add([]byte("[a] Re[b]: [fwd: x (fwd)]"))
	f.Fuzz(func(t *testing.T, subject []byte) {
		base, _ := BaseSubject(nil, subject)
		// A base subject is its own, but for encoded words that only appear in what was decoded.
		if again, _ := BaseSubject(nil, base); len(again) > 3*len(base) {
			t.Errorf("%q became %q and then %q", subject, base, again)
		}
	})
}

func TestMessageIDs(t *testing.T) {
	for _, c := range []struct {
		body string
		want []string
	}{
		{"", nil},
		{"<a@b>", []string{"a@b"}},
		{" <a@b>\r\n <c@d><e@f> ", []string{"a@b", "c@d", "e@f"}},
		{`<"01KF8JCEOCBS0045PS"@xxx.yyy.com>`, []string{"01KF8JCEOCBS0045PS@xxx.yyy.com"}},
		{`<"a\"b"@c>`, []string{`a"b@c`}},
		{`<"a>b"@c>`, []string{"a>b@c"}},
		{"Your message of Monday <a @ b> from x@y", []string{"a@b"}},
		{"<nothing> <@b> <a@> <a@b>", []string{"a@b"}},
		{"<open <a@b>", []string{"a@b"}},
		{"<a@b", nil},
	} {
		var got []string
		for id := range MessageIDs([]byte(c.body)) {
			got = append(got, string(id))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.body, got, c.want)
		}
	}
}

func FuzzMessageIDs(f *testing.F) {
	f.Add([]byte(`<"a\"b"@c> <d@e`))
	f.Fuzz(func(t *testing.T, body []byte) {
		total := 0
		for id := range MessageIDs(body) {
			total += len(id)
		}
		if total > len(body) {
			t.Errorf("%d bytes of identifiers in %d", total, len(body))
		}
	})
}

func TestEnvelopeFields(t *testing.T) {
	s, _ := SummarizeBytes([]byte("From: \"A \\\"quoted\\\" name\" <anna@example.org>, b@c\r\nTo: team: d@e, f@g;\r\nCc: =?utf-8?q?=C3=BC?= <u@v>\r\n" +
		"Subject: a \"subject\" \xc3\xbc\r\nMessage-ID: <1@x>\r\nIn-Reply-To: <0@x>\r\n\r\n"))
	e := s.Envelope()
	for _, c := range []struct{ what, got, want string }{
		{"subject", string(e.Subject), "a \"subject\" ü"},
		{"From name", string(e.From.Name), `A "quoted" name`}, {"From mailbox", string(e.From.Mailbox), "anna"}, {"From host", string(e.From.Host), "example.org"},
		{"To mailbox", string(e.To.Mailbox), "team"}, {"Cc name", string(e.Cc.Name), "=?utf-8?q?=C3=BC?="}, {"Cc mailbox", string(e.Cc.Mailbox), "u"},
		{"Message-ID", string(e.MessageID), "<1@x>"}, {"In-Reply-To", string(e.InReplyTo), "<0@x>"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
	if e.To.Host != nil {
		t.Errorf("the group has the host %q", e.To.Host)
	}
	s, _ = SummarizeBytes([]byte("From: Same <same@x>\r\nTo: Same <same@x>\r\nCc: Same <same@x>\r\nMessage-ID: <1@x>\r\n\r\n"))
	if e := s.Envelope(); string(e.To.Mailbox) != "same" || string(e.Cc.Mailbox) != "same" || string(e.MessageID) != "<1@x>" {
		t.Errorf("%+v", e)
	}
	s, _ = SummarizeBytes([]byte("Sender: s@t\r\n\r\n"))
	if e := s.Envelope(); e.Subject != nil || e.From.Mailbox != nil || e.MessageID != nil {
		t.Errorf("%+v", e)
	}
	if e := (Summary{}).Envelope(); e.Subject != nil {
		t.Errorf("%+v", e)
	}
}
