package passwd

import (
	"maps"
	"strings"
	"testing"
)

const goodSalt, goodSum = "c2FsdHNhbHRzYWx0c2FsdA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

const anyHash = "$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum

func TestParseTable(t *testing.T) {
	tests := []struct {
		line       string
		name       string // "" if it gives no user
		state      State
		attributes map[string]string
		problem    string // part of the reason
	}{
		{"anna:" + anyHash + ":active", "anna", Active, nil, ""},
		{"Anna:" + anyHash + ":active:", "anna", Active, nil, ""},
		{"anna:" + anyHash + ":disabled\r", "anna", Disabled, nil, ""},
		{"anna:" + anyHash + ":active:quota=10G  note=left%20in%3AMay%0A empty=", "anna", Active,
			map[string]string{"quota": "10G", "note": "left in:May\n", "empty": ""}, ""},
		{"anna:" + anyHash + ":active:name=Åse=x", "anna", Active, map[string]string{"name": "Åse=x"}, ""},
		{"", "", "", nil, ""},
		{"  \t", "", "", nil, ""},
		{"# anna:" + anyHash + ":active", "", "", nil, ""},
		{"anna", "", "", nil, "1 fields"},
		{"anna:" + anyHash, "", "", nil, "2 fields"},
		{"anna:" + anyHash + ":active::", "", "", nil, "5 fields"},
		{":" + anyHash + ":active", "", "", nil, "empty"},
		{" anna:" + anyHash + ":active", "", "", nil, "white space"},
		{"anna/x:" + anyHash + ":active", "", "", nil, "'/'"},
		{"anna::active", "", "", nil, "hash"},
		{"anna:secret-canary:active", "", "", nil, "hash"},
		{"anna:" + strings.Replace(anyHash, "m=19456", "m=4194304", 1) + ":active", "", "", nil, "memory"},
		{"anna:active:" + anyHash, "", "", nil, "hash"},
		{"anna:" + anyHash + ":secret-canary", "", "", nil, "none of active, disabled, must-change"},
		{"anna:" + anyHash + ":Active", "", "", nil, "none of active, disabled, must-change"},
		{"anna:" + anyHash + ":", "", "", nil, "none of active, disabled, must-change"},
		{"anna:" + anyHash + ":active:secret-canary", "", "", nil, "place 1"},
		{"anna:" + anyHash + ":active:a=1 B=2", "", "", nil, "place 2"},
		{"anna:" + anyHash + ":active:a=1 a=2", "", "", nil, "a twice"},
		{"anna:" + anyHash + ":active:a=%zz", "", "", nil, "value of a"},
		{"anna:" + anyHash + ":active:a=%ff", "", "", nil, "value of a"},
		{"anna:" + anyHash + ":active:a=\xff", "", "", nil, "UTF-8"},
		{"anna:" + anyHash + ":active:a=" + strings.Repeat("x", maxLine), "", "", nil, "longer"},
	}
	for _, test := range tests {
		// The line stands between others, which it must not harm.
		table := parseTable("users", "first:"+anyHash+":active\n"+test.line+"\nlast:"+anyHash+":active")
		for _, name := range []string{"first", "last"} {
			if _, err := table.find(name); err != nil {
				t.Errorf("%q: %v", test.line, err)
			}
		}
		if got := len(table.problems) > 0; got != (test.problem != "") {
			t.Errorf("%q: problems %v", test.line, table.problems)
			continue
		}
		if test.problem != "" {
			p := table.problems[0]
			if !strings.Contains(p.Reason, test.problem) || !strings.HasPrefix(p.Error(), "users:2: ") || strings.Contains(p.Error(), "canary") {
				t.Errorf("%.200q: %v, want %q", test.line, p, test.problem)
			}
		}
		if test.name == "" {
			if _, err := table.find("anna"); err == nil {
				t.Errorf("%q gives a user", test.line)
			}
			continue
		}
		i, err := table.find(test.name)
		must(t, err)
		if u := table.lines[i].user; u.Name != test.name || u.State != test.state || !maps.Equal(u.Attributes, test.attributes) {
			t.Errorf("%q: %+v", test.line, u)
		}
	}
}

// The first line of a name counts, also if it is the one that cannot be used:
// else a slip in the line that disables somebody would let an older one in.
func TestParseTableDoubles(t *testing.T) {
	table := parseTable("users", "anna:"+anyHash+":disabled\nANNA:"+anyHash+":active\nbob:x:disabled\nbob:"+anyHash+":active\n")
	i, err := table.find("anna")
	if err != nil || table.lines[i].user.State != Disabled {
		t.Errorf("anna: %v, %+v", err, table.lines[i].user)
	}
	if _, err := table.find("bob"); err == nil {
		t.Error("bob can be used")
	}
	if len(table.problems) != 3 || table.problems[0].Line != 2 || table.problems[1].Line != 3 || table.problems[2].Line != 4 {
		t.Errorf("problems %v", table.problems)
	}
}

func FuzzTable(f *testing.F) {
	f.Add(header + "anna:" + anyHash + ":active:a=b\r\n\nbob:" + anyHash + ":disabled")
	f.Add("anna:" + anyHash + ":active\nanna:" + anyHash + ":active\n::\n#\n")
	f.Add("\xff:\x00:\n:::active:a=%\n")
	f.Fuzz(func(t *testing.T, data string) {
		table := parseTable("users", data)
		// Rewriting without a change alters nothing but a missing end of line.
		if text := join(table.lines); text != data && text != data+"\n" {
			t.Errorf("%q became %q", data, text)
		}
		users := 0
		for i, l := range table.lines {
			if l.err != nil || l.name == "" {
				continue
			}
			users++
			// A line that is written anew means the same.
			if again := parseLine(l.format()); again.err != nil || again.user.Name != l.user.Name ||
				again.hash.String() != l.hash.String() || !maps.Equal(again.user.Attributes, l.user.Attributes) {
				t.Errorf("%q became %q", l.text, l.format())
			}
			if found, err := table.find(l.user.Name); err != nil || found != i {
				t.Errorf("%q found on line %d, %v", l.user.Name, found, err)
			}
		}
		for _, p := range table.problems {
			if p.File == "" || p.Line < 1 || p.Reason == "" || len(p.Error()) > 500 {
				t.Errorf("problem %+v", p)
			}
		}
		if users+len(table.problems) > len(table.lines) {
			t.Errorf("%d users and %d problems on %d lines", users, len(table.problems), len(table.lines))
		}
	})
}
