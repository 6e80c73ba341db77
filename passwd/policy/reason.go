package policy

import (
	"fmt"
	"strings"

	"github.com/mailhavn/mailhavn/passwd/zxcvbn"
)

// Code names a reason against a password; translations go by it.
type Code string

// The codes.
const (
	TooShort     Code = "too-short"     // Limit: characters at least
	TooLong      Code = "too-long"      // Limit: characters at most
	BadCharacter Code = "bad-character" // What: the first of them, at Position; there is one reason for each character
	FewLetters   Code = "few-letters"   // Limit: letters at least
	FewOthers    Code = "few-others"    // Limit: digits and special characters at least
	IsUserName   Code = "user-name"
	Expected     Code = "expected"   // What: a word that attackers try first, at Position
	TooCommon    Code = "too-common" // Limit: its place among the commonest
	Breached     Code = "breached"
	TooWeak      Code = "too-weak" // Limit: the score at least
)

// Reason is one thing that is wrong with a password.
type Reason struct {
	Code     Code   `json:"code"`
	Position int    `json:"position"` // the character it is about, from 0; -1: the whole
	Limit    int    `json:"limit,omitempty"`
	What     string `json:"what,omitempty"`
}

// Text returns a sentence in English.
func (r Reason) Text() string {
	switch r.Code {
	case TooShort:
		return fmt.Sprintf("It is too short: it needs at least %d characters. A few words with spaces between them are easy to remember.", r.Limit)
	case TooLong:
		return fmt.Sprintf("It is too long: it may have %d characters.", r.Limit)
	case BadCharacter:
		if r.Position < 0 {
			return "It is not valid text."
		}
		return fmt.Sprintf("Character %d, %q, cannot be used.", r.Position+1, r.What)
	case FewLetters:
		return fmt.Sprintf("It needs at least %d letters from A to Z.", r.Limit)
	case FewOthers:
		return fmt.Sprintf("It needs at least %d digits or special characters.", r.Limit)
	case IsUserName:
		return "It is the user name, which everybody knows."
	case Expected:
		return fmt.Sprintf("It contains %q, which attackers try first.", r.What)
	case TooCommon:
		return fmt.Sprintf("It is number %d of the most common passwords, which attackers try first.", r.Limit)
	case Breached:
		return "It is known from a data breach, and attackers try those first."
	case TooWeak:
		return "It is too easy to guess."
	}
	return string(r.Code)
}

// Error makes a reason usable as an error.
func (r Reason) Error() string { return r.Text() }

// Err returns nil if the password is allowed, else an error with all reasons, each of which errors.As finds.
func (r Result) Err() error {
	if r.OK {
		return nil
	}
	return refusal(r.Reasons)
}

type refusal []Reason

func (e refusal) Error() string {
	var texts []string
	for _, r := range e {
		texts = append(texts, r.Text())
	}
	return "this password cannot be used: " + strings.Join(texts, " ")
}

func (e refusal) Unwrap() []error {
	var list []error
	for _, r := range e {
		list = append(list, r)
	}
	return list
}

// Advice returns sentences that help to choose a better password; none if it is strong.
func (r Result) Advice() []string {
	var advice []string
	if text, ok := warnings[r.Warning]; ok {
		advice = append(advice, text)
	}
	for _, s := range r.Suggestions {
		if text, ok := suggestions[s]; ok {
			advice = append(advice, text)
		}
	}
	if r.Score < 3 {
		advice = append(advice, "Use a password of its own for every service; a password manager remembers them.")
	}
	return advice
}

var warnings = map[zxcvbn.Warning]string{
	zxcvbn.WarnTop10:        "It is one of the ten most common passwords.",
	zxcvbn.WarnTop100:       "It is one of the hundred most common passwords.",
	zxcvbn.WarnCommon:       "It is a common password.",
	zxcvbn.WarnSimilar:      "It is much like a common password.",
	zxcvbn.WarnWord:         "A single word is found quickly.",
	zxcvbn.WarnName:         "A single name is found quickly.",
	zxcvbn.WarnNames:        "Common names are found quickly.",
	zxcvbn.WarnStraightRow:  "Keys that lie side by side are found quickly.",
	zxcvbn.WarnKeyboard:     "Short ways over the keyboard are found quickly.",
	zxcvbn.WarnRepeat:       "One character again and again is found quickly.",
	zxcvbn.WarnRepeatedWord: "Repeating something adds next to nothing.",
	zxcvbn.WarnSequence:     "Sequences such as abc or 6543 are found quickly.",
	zxcvbn.WarnRecentYear:   "Recent years are found quickly.",
	zxcvbn.WarnDate:         "Dates are found quickly.",
}

var suggestions = map[zxcvbn.Suggestion]string{
	zxcvbn.SuggestWords:          "Take a few words that do not belong together.",
	zxcvbn.SuggestNoNeed:         "Digits, symbols and capital letters are not needed.",
	zxcvbn.SuggestMoreWords:      "Add one or two words, better uncommon ones.",
	zxcvbn.SuggestTurns:          "A longer way over the keyboard with more turns is better.",
	zxcvbn.SuggestNoRepeats:      "Repeat nothing.",
	zxcvbn.SuggestNoSequences:    "Leave sequences out.",
	zxcvbn.SuggestNoRecentYears:  "Leave recent years out.",
	zxcvbn.SuggestNoOwnYears:     "Leave years out that have to do with you.",
	zxcvbn.SuggestNoOwnDates:     "Leave dates and years out that have to do with you.",
	zxcvbn.SuggestCapitalization: "A capital letter at the beginning helps very little.",
	zxcvbn.SuggestAllCapitals:    "Capitals throughout help very little.",
	zxcvbn.SuggestReversed:       "Words written backwards help very little.",
	zxcvbn.SuggestSubstitutions:  "Writing @ for a, or 0 for o, helps very little.",
}
