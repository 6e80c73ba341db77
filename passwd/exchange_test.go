package passwd

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	sha512 = "$6$byvu9K/SgcQ/LrdJ$j6s4x0UGs0xxe.3Jz4H3WJ3Fo/g6q/3rzxVaaypaCwBJPjv5sGQ6BIb4810ZhhFi1V62vr8hiz6AN5uJXmhcC1" // pässwörd 1
	apr1   = "$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0"                                                                      // secret
)

func TestImport(t *testing.T) {
	for _, test := range []struct {
		format   Format
		text     string
		want     string // names and states
		problems int
		login    [2]string
	}{
		{DovecotFile, "# users\nAnna@example.org:{SHA512-CRYPT}" + sha512 + ":1000:1000::/home/anna::userdb_mail=maildir:~/Maildir\nbob:{PLAIN}sec:ret\n" +
			"carl:{OTP}x:::::::\na b:{PLAIN}x\ndora:\nemil:" + sha512 + ":::::::\n", "anna@example.org active, bob active, emil active", 2, [2]string{"bob", "sec:ret"}},
		{Htpasswd, "anna:" + apr1 + "\nbob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nx\n", "anna active, bob active", 1, [2]string{"anna", "secret"}},
		{Shadow, "root:*:19000:0:99999:7:::\nanna:" + sha512 + ":19000:0:99999:7:::\nbob:!" + sha512 + ":19000:0:99999:7:::\ncarl:!:19000:0:99999:7:::\n" +
			"dora:" + sha512 + ":0:0:99999:7::20818:\n", "anna active, bob disabled, dora must-change", 0, [2]string{"anna", "pässwörd 1"}},
	} {
		f, _ := newFile(t)
		users, problems, err := ReadUsers(background, strings.NewReader(test.text), test.format, &f.Hasher)
		must(t, err)
		var got []string
		for _, u := range users {
			got = append(got, u.Name+" "+string(u.State))
		}
		if strings.Join(got, ", ") != test.want || len(problems) != test.problems {
			t.Errorf("%s: %v, problems %v", test.format, got, problems)
		}
		must(t, f.Add(background, "emil", "x"))
		left, err := f.Import(background, users)
		must(t, err)
		if emil := test.format == DovecotFile; (len(left) == 1) != emil { // who is there already
			t.Errorf("%s: left %v", test.format, left)
		}
		if _, err := f.Authenticate(background, test.login[0], test.login[1]); err != nil {
			t.Errorf("%s: %v", test.format, err)
		}
		if strings.Contains(content(t, f)+fmt.Sprint(problems), "sec:ret") {
			t.Error("a password is in the file or the problems")
		}
		if bad, _ := f.Problems(); len(bad) > 0 {
			t.Errorf("%s: %v", test.format, bad)
		}
		if u, err := f.Lookup("dora"); err == nil && !u.Expiry().Equal(time.Unix(20818*24*60*60, 0)) {
			t.Errorf("dora expires %v", u.Expiry())
		}

		// And back.
		records, err := f.Records()
		must(t, err)
		for _, format := range []Format{DovecotFile, Htpasswd, Shadow} {
			var b strings.Builder
			left, err := WriteUsers(&b, format, records)
			must(t, err)
			again, problems, err := ReadUsers(background, strings.NewReader(b.String()), format, &f.Hasher)
			if err != nil || len(problems) > 0 || len(again)+len(left) != len(records) {
				t.Errorf("%s as %s: %d of %d and %d left, %v, %v", test.format, format, len(again), len(records), len(left), problems, err)
			}
		}
	}
	_, _, err := ReadUsers(background, strings.NewReader(""), "ldap", &Hasher{})
	if err == nil {
		t.Error("an unknown format is read")
	}
}

func FuzzReadUsers(f *testing.F) {
	f.Add("anna:{SHA512-CRYPT}"+sha512+":1000:1000::/home/anna::", 0)
	f.Add("bob:!"+sha512+":19000:0:99999:7::1:", 2)
	h := &Hasher{}
	cheap(h)
	f.Fuzz(func(t *testing.T, text string, format int) {
		users, _, err := ReadUsers(background, strings.NewReader(text), []Format{DovecotFile, Htpasswd, Shadow}[uint(format)%3], h)
		if err != nil {
			return
		}
		for _, u := range users {
			l := parseLine(line{user: u.User, hash: u.Hash, attr: formatAttributes(u.Attributes)}.format())
			if l.err != nil || l.user.Name != u.Name {
				t.Errorf("%q: %v", text, l.err)
			}
		}
	})
}
