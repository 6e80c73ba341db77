package maildir

import (
	"strings"
	"testing"
)

func TestFolderName(t *testing.T) {
	for _, c := range []struct{ mailbox, want string }{
		{"Foo", ".Foo"},
		{"Foo/Bar", ".Foo.Bar"},
		{"a.b/c", `.a\2eb.c`},
		{`back\slash`, `.back\5cslash`},
		{"Größe", ".Gr&APYA3w-e"},
		{"&", ".&-"},
		{"~peter/mail/台北/日本語", ".~peter.mail.&U,BTFw-.&ZeVnLIqe-"}, // the example of RFC 3501, section 5.1.3
		{"😀", ".&2D3eAA-"},
		{"..", `.\2e\2e`},
	} {
		got, ok := FolderName(c.mailbox)
		if !ok || got != c.want {
			t.Errorf("%q lies in %q, %t; want %q", c.mailbox, got, ok, c.want)
		}
	}
	if name, ok := FolderName(strings.Repeat("ü", 100)); ok {
		t.Errorf("a name of %d bytes is accepted", len(name))
	}
}

// TestFolderNamesDiffer: names that are written alike do not share a folder.
func TestFolderNamesDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"a/b", "a.b", `a\2eb`, `a\.b`, "a/ b", "A/b", "&APY-", "ö", "&", "&-", "cur", "new/x", "tmp"} {
		folder, _ := FolderName(name)
		if other, ok := seen[folder]; ok {
			t.Errorf("%q and %q both lie in %q", name, other, folder)
		}
		if strings.ContainsAny(folder, "/\x00") || !strings.HasPrefix(folder, ".") || strings.Trim(folder, ".") == "" {
			t.Errorf("%q lies in %q", name, folder)
		}
		seen[folder] = name
	}
}

func TestBase(t *testing.T) {
	f := File{Date: -1700000000, UIDValidity: 0xfedcba98, UID: 4294967295, EmailID: [16]byte{1, 2, 15: 255}, Stored: 0, Size: 4294967295}
	base := f.Base()
	if want := "-1700000000.Vfedcba98U4294967295E010200000000000000000000000000ff.mailhavn,S=0,W=4294967295"; base != want {
		t.Fatalf("got %s\nwant %s", base, want)
	}
	if got, ok := ParseBase(base); !ok || got != f {
		t.Fatalf("read as %+v, %t", got, ok)
	}
	for i := range strings.LastIndexByte(base, '=') + 1 {
		if _, ok := ParseBase(base[:i]); ok {
			t.Errorf("%q is taken for a name of ours", base[:i])
		}
	}
	for _, bad := range []string{"1.M2P3.host,S=4,W=5:2,S", base + ",U=7", " " + base, strings.Replace(base, "V", "v", 1), strings.ToUpper(base)} {
		if _, ok := ParseBase(bad); ok {
			t.Errorf("%q is taken for a name of ours", bad)
		}
	}
}

func TestInfo(t *testing.T) {
	for flags := range uint16(32) {
		info := Info(flags)
		if got := ParseInfo(strings.TrimPrefix(info, ":2,")); got != flags {
			t.Errorf("%05b is written %s and read %05b", flags, info, got)
		}
	}
	if got := Info(31); got != ":2,DFRST" {
		t.Errorf("all flags are %s", got)
	}
	if got := ParseInfo("PSab"); got != 1 {
		t.Errorf("foreign letters give %b", got)
	}
}

func FuzzParseBase(f *testing.F) {
	f.Add(File{Date: 5, UIDValidity: 6, UID: 7}.Base())
	f.Add("1234.V00000001U1E00000000000000000000000000000000.mailhavn,S=1,W=1")
	f.Fuzz(func(t *testing.T, s string) {
		if file, ok := ParseBase(s); ok && file.Base() != s {
			t.Errorf("%q is read as the name %q", s, file.Base())
		}
	})
}
