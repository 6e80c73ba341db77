package imapservertest

// What may stand in malformed mail, right and wrong.

const malformedRussian, malformedJapanese, malformedChinese = "Привет, почта гавани", "日本語のメール、テスト", "中文邮件测试"

var malformedCharsets = []malformedCharset{
	{"utf-8", "utf-8", "Grüße aus dem Hafen, smørbrød €"},
	{"UTF8", "utf-8", "Grüße aus dem Hafen"},
	{"us-ascii", "windows-1252", "Grüße in US-ASCII"},
	{"iso-8859-1", "windows-1252", "Grüße aus dem Hafen, smørbrød"},
	{"iso-8859-15", "iso-8859-15", "Preis in €, Grüße"},
	{"windows-1252", "windows-1252", "„Grüße“ – €"},
	{"koi8-r", "koi8-r", malformedRussian},
	{"windows-1251", "windows-1251", malformedRussian},
	{"iso-8859-5", "iso-8859-5", malformedRussian},
	{"iso-2022-jp", "iso-2022-jp", malformedJapanese},
	{"shift_jis", "shift_jis", malformedJapanese},
	{"euc-jp", "euc-jp", malformedJapanese},
	{"gb18030", "gb18030", malformedChinese},
	{"gb2312", "gbk", malformedChinese},
	{"big5", "big5", "中文郵件測試"},
	{"euc-kr", "euc-kr", "한국어 메일"},
	{"utf-16le", "utf-16le", "Grüße in UTF-16"},
	{"utf-8", "windows-1252", "Grüße, nicht in UTF-8"},
	{"x-unknown", "utf-8", "Grüße, unbekannt"},
	{"", "utf-8", "Grüße ohne Namen"},
}

var malformedFields = []fieldKind{
	{"Received", 3, []string{"from a by b; Mon, 3 Feb 2020 10:00:00 +0000", "", "x"}},
	{"Date", 9, []string{
		"Mon, 3 Feb 2020 10:00:00 +0000", "3 Feb 2020 10:00 +0100", "Mon, 03 Feb 20 10:00:00 EST", "Mon, 3 Feb 2020 23:59:60 -0800", "",
		"yesterday", "Mon, 31 Feb 2020 10:00:00 +0000", "Mon Feb  3 10:00:00 2020", "2020-02-03T10:00:00Z", "Mon, 3 Feb 2020 10:00:00 (UTC)",
		"Mon, 3 Feb 2020 10:00:00 +9999", "Mon, 3 Feb 2020 25:00:00 +0000", "Mon, 3 Feb 1910 10:00:00 +0000", "Mon, 3 Feb 102 10:00:00 +0000",
		"Mo, 3 Feb 2020 10:00:00 +0000", "Monday, 3 February 2020 10:00:00 GMT", "3-Feb-2020 10:00:00", "Mon, 3 Feb 2020 10.00.00 +0000",
		"Mon, 3 Feb 2020 10:00:00", "Mon,3 Feb 2020 10:00:00 +0000 x", "Mon, 3 (c) Feb 2020 10 : 00 : 00 +0000", "Wed, 1 Jan 3020 00:00:00 +0000",
		"Thu, 1 Jan 1970 00:00:00 +0100", "Mon, 3 Feb 2020 10:00:00 Z", "Sat, 1 Jan 2000 00:30:00 +0200", "Fri, 31 Dec 1999 23:30:00 -0200"}},
	{"From", 9, malformedAddresses},
	{"Sender", 2, malformedAddresses},
	{"Reply-To", 2, malformedAddresses},
	{"To", 6, malformedAddresses},
	{"Cc", 3, malformedAddresses},
	{"Bcc", 2, malformedAddresses},
	{"Subject", 9, []string{
		"plain", "Re: plain", "RE: [list] Re[2]: plain", "Fwd: [fwd: plain]", "plain (fwd) (FWD)", "Re:", "re :\tplain", "[a][b] plain", "[plain]", "[", "]", "",
		" ", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "=?utf-8?B?R3LDvMOfZQ==?=", "=?iso-8859-1?Q?Gr=FC=DFe?= =?iso-8859-1?Q?_aus?=", "=?koi8-r?B?8NLJ18XU?=",
		"=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=", "=?gb18030?B?1tDOxA==?=", "=?shift_jis?B?k/qWe4zq?=", "=?x-unknown?q?abc?=", "=?utf-8?q?broken", "=?utf-8?b?R3L?=",
		"=?utf-8?q?with space?=", "=?utf-8?q??=", "=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "x=?utf-8?q?inner?=y", "\"=?utf-8?q?quoted?=\"", "=?utf-8?x?abc?=",
		"=?utf-8?q?=ff=fe?=", "Gr\xfc\xdfe", "Grüße", "Re: =?utf-8?q?Re:_plain?=", "=?utf-8?q?Re=3A?= plain", "a  b\tc", "Re: \r\n\tplain", "PLAIN", "plain!",
		"Re: =?utf-8?b?R3LDvMOf?=\r\n =?utf-8?b?ZQ==?=", "=?us-ascii?q?=E9?=", "\"quoted\" \\ back", "ẞtraße", "fwd [x]: plain", "Aw: plain", "Re: Re: Re: plain"}},
	{"Message-ID", 9, malformedIDs},
	{"In-Reply-To", 3, malformedIDs},
	{"References", 3, []string{
		"<a@x> <b@x>", "<a@x><b@x><c@x>", "<b@x> (comment) <a@x>", "<a@x>,<c@x>", "<a@x> <a@x>", "a@x b@x", "<a@x <b@x>", "<\"a\"@x>", "< a@x >", "<c@x>\r\n <d@x>",
		"", "<>", "<e@x> text <f@x", "<d@x> <c@x> <b@x> <a@x>"}},
	{"X-Mailer", 2, []string{"odd", "", "\xff\xfe", "=?utf-8?q?m=C3=A4iler?="}},
}

var malformedAddresses = []string{
	"a@example.org", "Ann <ann@example.org>", "\"Ann, B.\" <ann@example.org>", "ann@example.org (Ann)", "<ann@example.org>", "Ann", "Ann Example", "", " ", ",", ";",
	",,ann@example.org,,", "ann@example.org,", "ann@example.org bob@example.org", "ann@example.org; bob@example.org", "group:;", "group: ann@example.org, Bob <bob@x>;",
	"group: ann@example.org", "a:b:c;", "undisclosed-recipients:;", "\"group \\\"x\\\"\": ;, ann@example.org", "<>", "Ann <>", "Ann <ann>", "Ann <@r1,@r2:ann@example.org>",
	"Ann <@r1:>", "Ann <ann@>", "Ann <@>", "@example.org", "ann@", "ann@@example.org", "Ann <ann@example.org", "Ann ann@example.org>", "ann@[127.0.0.1]", "ann@[::1",
	"\"Ann <ann@example.org>", "(comment) ann (c) @ (d) example.org (e)", "(open ann@example.org", "\"\" <ann@example.org>", "\"a b\"@example.org", "a..b@example.org",
	".a.@example.org", "a.b.@example.org", "Ann . B <ann@example.org>", "=?utf-8?q?=C3=84nn?= <ann@example.org>", "\"=?utf-8?q?=C3=84nn?=\" <ann@example.org>",
	"=?utf-8?q?=C3=84nn?= =?utf-8?q?_B?= <ann@example.org>", "=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?= <ann@example.org>", "=?koi8-r?B?8NLJ18XU?=@example.org", "Änn <änn@exämple.org>",
	"\xc4nn <ann@example.org>", "Ann\\ <ann@example.org>", "\"Ann\\\" <ann@example.org>", "Ann <ann@example.org> trailing", "Ann <ann@example.org>, Bob <bob@example.org>",
	"Ann <ann@example.org>,\r\n\tBob <bob@example.org>", "Ann\r\n\t<ann@example.org>", "Ann <ann\r\n\t@example.org>", "ann at example.org", "Ann <mailto:ann@example.org>",
	"'Ann' <'ann@example.org'>", "Ann [x] <ann@example.org>", "Ann <ann@example.org> <bob@example.org>", "ANN@EXAMPLE.ORG", "=?utf-8?q?group?=: a@x;", "(only a comment)",
	"Ann (c1 (c2)) <ann@example.org>", "Ann <ann@example.org", "\\", "\"", "(", "<", "[", ":", "Ann: Bob: c@x;", "a@b@c <d@e>", "a <b@c>; d <e@f>", "Ann \t  Bee <a@x>",
}

var malformedIDs = []string{
	"<a@x>", "<b@x>", "<c@x>", "<d@x>", "<e@x>", "<f@x>", "<g@x>", "<h@x>", "a@x", "<a@x", "a@x>", "<>", "", "<a b@x>", "<\"a\"@x>", "<a>", "<a@x> <b@x>", "<A@X>",
	"< c@x>", "text <c@x> text", "<c@[1.2.3.4]>", "(c) <c@x>", "<c@x> (c)", "<a@x@y>", "\"q\" <d@x>", "<d@x>\r\n\t<e@x>", "<.@x>", "<c\\@x>",
}

var malformedTypes = []string{
	"text/plain", "text/html", "TEXT/PLAIN", "text", "text/", "/plain", "", "text/plain;", "text/plain; ;", "text /plain", "text/plain; charset", "text/plain; charset=",
	"text/plain; charset=\"", "text/plain; =x", "text/plain; name=\"a\\\"b\"", "text/plain; name=a b", "text/plain; name=Grüße", "text/plain; name=\"\xfc\"",
	"text/plain; name*=utf-8''Gr%C3%BC%C3%9Fe", "text/plain; name*0=a; name*1=b", "text/plain; name*1=b; name*0=a", "text/plain; name*0*=utf-8''a%20; name*1=%20b",
	"text/plain; name*0=a; name*2=c", "text/plain; name*0=a; name*0=b", "text/plain; name*=bad%", "text/plain; name*1=b", "text/plain; name**=x", "text/plain; name*x=y",
	"text/plain; name=\"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\"", "text/plain; name==?utf-8?q?Gr=C3=BC=C3=9Fe?=", "text/plain; a=1; a=2; A=3", "text/plain (comment); (c) a (d) = (e) b (f)",
	"application/octet-stream; name=a.bin", "application/pdf", "image/png; name=\"a b.png\"", "text/plain, text/html", "text/plain charset=utf-8", "\"text\"/\"plain\"",
	"text/pl@in", "text/plain/x", "text/plain; a=\"b\"c; d=e", "text/plain; a=b\"c\"; d=e", "text/plain; a=<b>; d=e", "text/plain; a=b@c", "message/delivery-status",
	"message/partial; id=x; number=1", "message/external-body; access-type=x", "x-unknown/x-y; a=" + "\"long " + "0123456789012345678901234567890123456789" + "\"",
	"text/calendar; method=REQUEST; charset=UTF-8", "text/plain;charset=us-ascii;format=flowed;delsp=yes", "text/plain; a=\"b\r\n\tc\"; d=e", "text/plain;\r\n charset=utf-8",
	"t(c)ext/plain", "text/plain; charset=utf-8; charset=koi8-r", "text/rfc822-headers", "multipart/mixed; boundary=", "multipart/mixed; boundary=\"\"", "multipart/mixed",
}

var malformedEncodings = []string{
	"7bit", "8bit", "binary", "base64", "base64", "base64", "BASE64", "quoted-printable", "quoted-printable", "quoted-printable", "Quoted-Printable", "", "x-uuencode",
	"base64 (really)", "quoted printable", "base-64", "utf-8", "8 bit", "7-bit", "base64;", "base64; x=y", "\"base64\"", "(c) base64", "unknown", "base64 base64", "7bit, 8bit",
}

var entityFields = []fieldKind{
	{"Content-ID", 8, []string{"<id@x>", "id", "", "<id@x> (c)", "\xff", "<a\r\n\tb@x>"}},
	{"Content-Description", 8, []string{"a description", "", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Gr\xfc\xdfe", "a \"quoted\" \\ one", "folded\r\n\tdescription", "a  b"}},
	{"Content-Disposition", 5, []string{
		"attachment", "inline; filename=a.txt", "attachment; filename=\"a b.txt\"; size=10", "attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt", "", ";", "; filename=x",
		"attachment;", "attachment; filename", "attachment filename=x", "attachment; filename*0=a; filename*1*=%20b", "\"attachment\"", "attachment; filename=Grüße.txt",
		"attachment; creation-date=\"Mon, 3 Feb 2020 10:00:00 +0000\"", "ATTACHMENT; FILENAME=X", "form-data; name=\"\"", "attach ment", "attachment (c); (d) filename=x",
		"attachment; filename=\"=?utf-8?q?a?=\"", "attachment; filename=a=b", "attachment; filename=\"a", "inline\r\n\t;filename=x"}},
	{"Content-Language", 10, []string{"en", "en, de", "en,", ",", "", "en de", "en, (c) de", "e\xffn", "\"en\"", "en;q=1", "x-klingon"}},
	{"Content-Location", 10, []string{"http://example.org/", "", "a b", "\"quoted\"", "http://example.org/\r\n\tfolded", "\xe9"}},
	{"Content-MD5", 12, []string{"Q2hlY2sgSW50ZWdyaXR5IQ==", "", "(c) x", "a b"}},
}

var oddLines = []string{
	"no colon here\r\n", ": no name\r\n", "From mbox Mon Feb  3 10:00:00 2020\r\n", ">From: x\r\n", "Sub ject: x\r\n", " folded without a field\r\n", "X-Empty:\r\n", "X-8bit-\xe9: x\r\n",
	"X-Bare-CR: a\rb\r\n", "X-Bare-LF: a\nb: c\r\n", "X-NUL: a\x00b\r\n", "Subject\r\n", ":\r\n", "X-Fold:\r\n \r\n\t\r\n x\r\n", "X-Tab:\tx\t\r\n", "Content-Type\r\n", "\tx: y\r\n",
}

var malformedTexts = []string{
	"a line\r\n", "a line without an end", "", "\r\n", "two\r\nlines\r\n", "bare\nLF\nlines\n", "bare\rCR\r\n", "-- \r\nsignature\r\n", "--\r\n", "--boundary that is none\r\n--",
	"From the start of a line\r\n", "8-bit: Gr\xfc\xdfe\r\n", "UTF-8: Grüße\r\n", "a = sign, a =3D one, example\r\n", ".\r\n..\r\n", "\r\n\r\nempty lines\r\n\r\n",
	"Subject: looks like a header\r\n\r\nbut is none\r\n", "trailing space \t\r\n", "<html><body>example &uuml; <b>bold</b></body></html>\r\n", "\xff\xfe\x00 NUL and more\r\n",
	"begin 644 a.txt\r\n#86)C\r\n`\r\nend\r\n", "\x1b$B unfinished escape\r\n",
}
