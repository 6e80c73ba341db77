package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/passwd/zxcvbn"
)

// codes returns the codes of a result with their places, such as "too-short@3".
func codes(r Result) string {
	var list []string
	for _, reason := range r.Reasons {
		list = append(list, fmt.Sprintf("%s@%d", reason.Code, reason.Position))
	}
	return strings.Join(list, " ")
}

// Every clause of every preset.
func TestPresets(t *testing.T) {
	anna := Context{User: "anna.berg@example.org", Words: []string{"Mailhavn"}}
	long := func(n int) string { return strings.Repeat("oak elm ", n/8+1)[:n] }
	for _, test := range []struct {
		policy   Policy
		password string
		want     string
	}{
		// NIST SP 800-63B-4: length; any character counts one; no composition rules; blocklists
		{NIST63B4(false), "quiet lanterns", "too-short@14"},
		{NIST63B4(false), "quiet lanterns!", ""},
		{NIST63B4(true), "q7 lanter", ""},
		{NIST63B4(true), "q7 lant", "too-short@7"},
		{NIST63B4(false), "гусеница на луне", ""},
		{NIST63B4(false), "王芳王芳王芳王芳王芳王芳王芳", "too-short@14"},
		{NIST63B4(false), long(64), ""},
		{NIST63B4(false), long(1024), ""},
		{NIST63B4(false), long(1025), "too-long@1024"},
		{NIST63B4(false), "aaaaaaaaaaaaaaaaaaaa", ""},
		{NIST63B4(true), "password", "too-common@-1"},
		{NIST63B4(true), "PassWord", "too-common@-1"},
		{NIST63B4(false), "anna.berg@example.org", "user-name@-1"},
		{NIST63B4(false), "quiet anna.berg lanterns", "expected@6"},
		{NIST63B4(false), "quiet Mailhavn lanterns", "expected@6"},
		{NIST63B4(false), "quiet\tlanterns at dusk", "bad-character@5"},
		// OWASP ASVS 5.0
		{ASVS5(), "q7 lanter", ""},
		{ASVS5(), "q7 lant", "too-short@7"},
		{ASVS5(), "12345678", "too-common@-1"},
		{ASVS5(), "example.org rules", "expected@0"},
		{ASVS5(), long(64), ""},
		// Runbox
		{RunboxClassic(), "Otw1McG3", ""},
		{RunboxClassic(), "p9go+Wed", ""},
		{RunboxClassic(), "@IecgPja%", ""},
		{RunboxClassic(), "ab12", "too-short@4"},
		{RunboxClassic(), "ab12cd", ""},
		{RunboxClassic(), "abcd1+", ""},
		{RunboxClassic(), "abcdef", "few-others@0"},
		{RunboxClassic(), "abcde1", "few-others@1"},
		{RunboxClassic(), "a12345", "few-letters@1"},
		{RunboxClassic(), "ab12 cd", "bad-character@4"},
		{RunboxClassic(), "ab12éé", "bad-character@4"},
		{RunboxClassic(), "ab12" + strings.Repeat("x", 60), ""},
		{RunboxClassic(), "ab12" + strings.Repeat("x", 61), "too-long@64"},
		{RunboxClassic(), "ab+?=()&,.:;-_/*@!#~`#$%^&[]{}|\\'\"<>", ""},
		{RunboxClassic(), "anna.berg@example.org", "user-name@-1"},
		// parts
		{Policy{}, "", ""},
		{Policy{}, "\xff", "bad-character@-1"},
		{Policy{MinScore: 3}, "password1", "too-weak@-1"},
		{Policy{MinScore: 3}, "quiet lanterns at dusk", ""},
	} {
		r := test.policy.Check(test.password, anna)
		if got := codes(r); got != test.want || r.OK != (test.want == "") || (r.Err() == nil) != r.OK {
			t.Errorf("%s: %.40q: %q, want %q", test.policy.Name, test.password, got, test.want)
		}
		for _, reason := range r.Reasons {
			if reason.Text() == string(reason.Code) {
				t.Errorf("no sentence for %s", reason.Code)
			}
			if test.password != "" && len(test.password) > 8 && strings.Contains(reason.Text(), test.password) {
				t.Errorf("the sentence quotes the password: %s", reason.Text())
			}
		}
	}
}

func TestBreached(t *testing.T) {
	c := Context{Breached: func(p string) bool { return p == "quiet lanterns at dusk" }}
	if got := codes(ASVS5().Check("quiet lanterns at dusk", c)); got != "breached@-1" {
		t.Error(got)
	}
	var reason Reason
	if err := ASVS5().Check("quiet lanterns at dusk", c).Err(); !errors.As(err, &reason) || reason.Code != Breached {
		t.Error(err)
	}
}

func TestJSON(t *testing.T) {
	b, err := json.Marshal(RunboxClassic())
	if err != nil {
		t.Fatal(err)
	}
	var p Policy
	if err := json.Unmarshal(b, &p); err != nil || p != RunboxClassic() {
		t.Errorf("%s: %+v, %v", b, p, err)
	}
	b, err = json.Marshal(p.Check("ab1", Context{}))
	if err != nil || !strings.HasPrefix(string(b), `{"ok":false,"reasons":[{"code":"too-short","position":3,"limit":6},`) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestAdvice(t *testing.T) {
	for _, p := range []string{"password", "P@ssw0rd", "drowssap", "1990-01-01", "qwerty", "aaaa", "abcabc", "abcdef", "1984", "anna", "", "HOUSE", "smith"} {
		r := Policy{}.Check(p, Context{})
		if len(r.Advice()) < 2 {
			t.Errorf("%q: %q", p, r.Advice())
		}
	}
	if r := (Policy{}).Check("quiet lanterns at dusk", Context{}); len(r.Advice()) > 0 {
		t.Errorf("%q", r.Advice())
	}
}

func TestPassphrase(t *testing.T) {
	if n := len(zxcvbn.CommonWords(listSize)); n != listSize {
		t.Fatalf("%d words", n)
	}
	a, b := Passphrase(0), Passphrase(0)
	if len(strings.Fields(a)) != 6 || a == b || len(strings.Fields(Passphrase(4))) != 4 {
		t.Errorf("%q, %q", a, b)
	}
	for range 50 {
		if r := NIST63B4(false).Check(Passphrase(0), Context{}); !r.OK || r.Score != 4 {
			t.Errorf("%+v", r)
		}
	}
}

func ExamplePolicy_Check() {
	r := NIST63B4(false).Check("anna-4711x", Context{User: "anna@example.org"})
	for _, reason := range r.Reasons {
		fmt.Println(reason.Text())
	}
	fmt.Println("score", r.Score)
	// Output:
	// It is too short: it needs at least 15 characters. A few words with spaces between them are easy to remember.
	// It contains "anna", which attackers try first.
	// score 3
}

func FuzzCheck(f *testing.F) {
	f.Add("password", "anna@example.org")
	f.Add("İ\xff王", "İ")
	f.Fuzz(func(t *testing.T, password, user string) {
		for _, p := range []Policy{NIST63B4(false), ASVS5(), RunboxClassic()} {
			r := p.Check(password, Context{User: user})
			if r.OK != (len(r.Reasons) == 0) {
				t.Errorf("%+v", r)
			}
		}
	})
}
