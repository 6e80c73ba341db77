package policy

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailhavn/mailhavn/passwd/zxcvbn"
)

// Policy says which passwords may be chosen. The zero value allows every one that can be typed and stored.
type Policy struct {
	Name string `json:"name,omitempty"`

	MinLength int `json:"minLength,omitempty"` // in characters (code points)
	MaxLength int `json:"maxLength,omitempty"` // if zero, MaxLength

	// Specials, if not empty, are the only characters allowed besides A-Z, a-z and 0-9.
	Specials string `json:"specials,omitempty"`

	MinLetters int `json:"minLetters,omitempty"` // A-Z and a-z
	MinOthers  int `json:"minOthers,omitempty"`  // digits and specials together

	NotUserName bool `json:"notUserName,omitempty"` // the password may not be the name of the user
	NoContext   bool `json:"noContext,omitempty"`   // nor contain it, parts of it, or the words of the context

	// Common is how many of the commonest passwords are refused, of 30,000.
	Common int `json:"common,omitempty"`

	// MinScore is the least score of zxcvbn, 0 to 4.
	MinScore int `json:"minScore,omitempty"`
}

// MaxLength is the longest password that package passwd stores, in characters of four bytes.
const MaxLength = 1024

// NIST63B4 is NIST SP 800-63B-4, section 3.1.1: 15 characters where the password is the only factor, 8 if there is another one; at least 64
// allowed; no composition rules; common and expected ones refused.
func NIST63B4(otherFactor bool) Policy {
	p := Policy{Name: "NIST SP 800-63B-4", MinLength: 15, NotUserName: true, NoContext: true, Common: 30_000}
	if otherFactor {
		p.MinLength = 8
	}
	return p
}

// ASVS5 is OWASP ASVS 5.0, section V6.2: 8 characters, of which 15 are recommended; at least 64 allowed; no composition rules; the 3,000
// commonest and words of the context refused.
func ASVS5() Policy {
	return Policy{Name: "OWASP ASVS 5.0", MinLength: 8, NotUserName: true, NoContext: true, Common: 3000}
}

// RunboxClassic is the rule that Runbox, a Norwegian mail host, published in its help pages: 6 to 64 of the characters below, at least two letters,
// and two of digits and specials; not the user name. Its examples are Otw1McG3, p9go+Wed and @IecgPja%.
func RunboxClassic() Policy {
	return Policy{
		Name: "Runbox classic", MinLength: 6, MaxLength: 64, Specials: "+?=()&,.:;-_/*@!#~`$%^[]{}|\\'\"<>",
		MinLetters: 2, MinOthers: 2, NotUserName: true,
	}
}

// Context is what attackers may know about a user.
type Context struct {
	User  string   // the name, mostly an address
	Words []string // the name of the service, the person's names, and the like

	// Breached reports whether a password is known from a breach (package breach). If nil, none is.
	Breached func(password string) bool
}

// Result is what a policy says about a password.
type Result struct {
	OK      bool     `json:"ok"`
	Reasons []Reason `json:"reasons,omitempty"` // against it, in the order of the password

	// Strength, also of a password that is allowed.
	Score       int                 `json:"score"` // 0 to 4
	Guesses     float64             `json:"guesses"`
	Warning     zxcvbn.Warning      `json:"warning,omitempty"`
	Suggestions []zxcvbn.Suggestion `json:"suggestions,omitempty"`
}

// Check says whether a password may be chosen. It takes some milliseconds at most, however long the password is.
func (p Policy) Check(password string, c Context) Result {
	var r Result
	add := func(code Code, at, limit int, what string) {
		r.Reasons = append(r.Reasons, Reason{Code: code, Position: at, Limit: limit, What: what})
	}
	p.checkCharacters(password, add)
	if p.NotUserName && c.User != "" && strings.EqualFold(password, c.User) {
		add(IsUserName, -1, 0, "")
	} else if word, at := p.expected(password, c); word != "" {
		add(Expected, at, 0, word)
	}
	if rank := zxcvbn.CommonRank(password); rank > 0 && rank <= p.Common {
		add(TooCommon, -1, rank, "")
	}
	if c.Breached != nil && c.Breached(password) {
		add(Breached, -1, 0, "")
	}
	s := zxcvbn.Estimate(password, zxcvbn.Options{Inputs: c.words()})
	r.Score, r.Guesses, r.Warning, r.Suggestions = s.Score, s.Guesses, s.Warning, s.Suggestions
	if s.Score < p.MinScore {
		add(TooWeak, -1, p.MinScore, "")
	}
	r.OK = len(r.Reasons) == 0
	return r
}

// checkCharacters counts characters and looks for those that are not allowed.
func (p Policy) checkCharacters(password string, add func(Code, int, int, string)) {
	if !utf8.ValidString(password) {
		add(BadCharacter, -1, 0, "")
		return
	}
	length, letters, others, position := 0, 0, 0, 0
	refused := map[rune]bool{}
	for _, r := range password {
		switch {
		case isLetter(r):
			letters++
		case '0' <= r && r <= '9' || strings.ContainsRune(p.Specials, r):
			others++
		}
		if !p.allows(r) && !refused[r] && len(refused) < 8 {
			refused[r] = true
			add(BadCharacter, position, 0, string(r))
		}
		length++
		position++
	}
	longest := p.MaxLength
	if longest == 0 {
		longest = MaxLength
	}
	for _, c := range []struct {
		code      Code
		is, limit int
		bad       bool
	}{
		{TooShort, length, p.MinLength, length < p.MinLength},
		{TooLong, length, longest, length > longest},
		{FewLetters, letters, p.MinLetters, letters < p.MinLetters},
		{FewOthers, others, p.MinOthers, others < p.MinOthers},
	} {
		if c.bad {
			add(c.code, min(c.is, c.limit), c.limit, "")
		}
	}
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// allows reports whether a character may be in a password. Control characters cannot be typed everywhere, and some protocols end at them.
func (p Policy) allows(r rune) bool {
	if p.Specials == "" {
		return !unicode.IsControl(r) && r != utf8.RuneError
	}
	return isLetter(r) || '0' <= r && r <= '9' || strings.ContainsRune(p.Specials, r)
}

// minWord is the shortest word of the context that counts, in characters.
const minWord = 4

// expected returns a word of the context that the password contains, and where.
func (p Policy) expected(password string, c Context) (word string, at int) {
	if !p.NoContext {
		return "", 0
	}
	lower := strings.ToLower(password)
	for _, w := range c.words() {
		w = strings.ToLower(w)
		if i := strings.Index(lower, w); i >= 0 && utf8.RuneCountInString(w) >= minWord {
			return w, utf8.RuneCountInString(lower[:i])
		}
	}
	return "", 0
}

// words returns the words of the context with the parts of the user's name, the longest first.
func (c Context) words() []string {
	words := append([]string{c.User}, c.Words...)
	words = append(words, strings.FieldsFunc(c.User, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
	if local, _, ok := strings.Cut(c.User, "@"); ok {
		words = append(words, local)
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
	return words
}
