package zxcvbn

import "slices"

// Warning is a code for what is wrong with a password; the empty one is for nothing in particular.
type Warning string

// The warnings.
const (
	WarnTop10        Warning = "top-10"        // it is one of the ten commonest passwords
	WarnTop100       Warning = "top-100"       // one of the hundred commonest
	WarnCommon       Warning = "common"        // a very common one
	WarnSimilar      Warning = "similar"       // it is similar to a common password
	WarnWord         Warning = "word"          // it is a single word
	WarnName         Warning = "name"          // it is a single name
	WarnNames        Warning = "names"         // it has common names in it
	WarnStraightRow  Warning = "straight-row"  // keys side by side on a keyboard
	WarnKeyboard     Warning = "keyboard"      // a short way over a keyboard
	WarnRepeat       Warning = "repeat"        // one character again and again
	WarnRepeatedWord Warning = "repeated-word" // several characters again and again
	WarnSequence     Warning = "sequence"      // such as abc and 6543
	WarnRecentYear   Warning = "recent-year"
	WarnDate         Warning = "date"
)

// Suggestion is a code for what to do about a password.
type Suggestion string

// The suggestions.
const (
	SuggestWords          Suggestion = "words"           // a few uncommon words
	SuggestNoNeed         Suggestion = "no-need"         // symbols, digits and capitals are not needed
	SuggestMoreWords      Suggestion = "more-words"      // another word or two
	SuggestTurns          Suggestion = "turns"           // longer ways over the keyboard, with more turns
	SuggestNoRepeats      Suggestion = "no-repeats"      // nothing repeated
	SuggestNoSequences    Suggestion = "no-sequences"    // no sequences
	SuggestNoRecentYears  Suggestion = "no-recent-years" // no recent years
	SuggestNoOwnYears     Suggestion = "no-own-years"    // no years that have to do with you
	SuggestNoOwnDates     Suggestion = "no-own-dates"    // no dates that have to do with you
	SuggestCapitalization Suggestion = "capitalization"  // a first capital letter hardly helps
	SuggestAllCapitals    Suggestion = "all-capitals"    // capitals alone hardly help
	SuggestReversed       Suggestion = "reversed"        // words written backwards hardly help
	SuggestSubstitutions  Suggestion = "substitutions"   // @ for a hardly helps
)

// feedback ties what to say to the longest part of the best sequence.
func feedback(pw []uint16, score int, sequence []*match) (Warning, []Suggestion) {
	switch {
	case len(sequence) == 0:
		return "", []Suggestion{SuggestWords, SuggestNoNeed}
	case score > 2:
		return "", nil
	}
	longest := sequence[0]
	for _, m := range sequence {
		if m.len() > longest.len() {
			longest = m
		}
	}
	warning, suggestions := longest.feedback(pw[longest.i:longest.j+1], len(sequence) == 1)
	return warning, append([]Suggestion{SuggestMoreWords}, suggestions...)
}

func (m *match) feedback(token []uint16, sole bool) (Warning, []Suggestion) {
	switch m.pattern {
	case Dictionary:
		return m.wordWarning(sole), m.wordSuggestions(token)
	case Spatial:
		if m.turns == 1 {
			return WarnStraightRow, []Suggestion{SuggestTurns}
		}
		return WarnKeyboard, []Suggestion{SuggestTurns}
	case Repeat:
		if m.base == 1 {
			return WarnRepeat, []Suggestion{SuggestNoRepeats}
		}
		return WarnRepeatedWord, []Suggestion{SuggestNoRepeats}
	case Sequence:
		return WarnSequence, []Suggestion{SuggestNoSequences}
	case RecentYear:
		return WarnRecentYear, []Suggestion{SuggestNoRecentYears, SuggestNoOwnYears}
	case Date:
		return WarnDate, []Suggestion{SuggestNoOwnDates}
	}
	return "", nil
}

func (m *match) wordWarning(sole bool) Warning {
	switch m.dictionary() {
	case "passwords":
		switch {
		case sole && m.subs == nil && !m.reversed && m.entry.rank <= 10:
			return WarnTop10
		case sole && m.subs == nil && !m.reversed && m.entry.rank <= 100:
			return WarnTop100
		case sole && m.subs == nil && !m.reversed:
			return WarnCommon
		case m.guesses <= 10000:
			return WarnSimilar
		}
	case "english_wikipedia":
		if sole {
			return WarnWord
		}
	case "surnames", "male_names", "female_names":
		if sole {
			return WarnName
		}
		return WarnNames
	}
	return ""
}

func (m *match) wordSuggestions(token []uint16) (s []Suggestion) {
	switch {
	case isCapitalized(token):
		s = append(s, SuggestCapitalization)
	case count(token, isLower) == 0 && !slices.Equal(lower(token), token):
		s = append(s, SuggestAllCapitals)
	}
	if m.reversed && m.len() >= 4 {
		s = append(s, SuggestReversed)
	}
	if m.subs != nil {
		s = append(s, SuggestSubstitutions)
	}
	return s
}
