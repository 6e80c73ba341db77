package imapservertest

import (
	"fmt"
	"slices"
	"strings"
)

// searches asks for keys, orders and threads of all messages.
func (c *comparison) searches() {
	for _, w := range searchWords(c.messages) {
		for _, key := range []string{"SUBJECT", "FROM", "TO", "CC", "BCC", "TEXT", "BODY", "HEADER Content-Type", "HEADER Message-ID", "HEADER References"} {
			c.search("SEARCH "+key, searchText("UTF-8", key, w))
		}
	}
	for _, charset := range malformedCharsets {
		w := strings.FieldsFunc(charset.text, func(r rune) bool { return r == ' ' || r == ',' || r == '、' })[0]
		for _, key := range []string{"SUBJECT", "FROM", "TEXT", "BODY"} {
			c.search("SEARCH CHARSET "+charset.real, searchText(charset.real, key, charset.encode(w)))
		}
	}
	for _, key := range comparedKeys {
		c.search("SEARCH", "UID SEARCH "+key)
	}
	for _, order := range []string{"ARRIVAL", "DATE", "SIZE", "SUBJECT", "FROM", "TO", "CC", "DISPLAYFROM", "DISPLAYTO", "REVERSE SUBJECT", "SUBJECT REVERSE DATE"} {
		c.order("SORT "+order, "UID SORT ("+order+") UTF-8 UID %s", len(c.messages))
	}
	for _, algorithm := range []string{"REFERENCES", "ORDEREDSUBJECT"} {
		c.order("THREAD "+algorithm, "UID THREAD "+algorithm+" UTF-8 UID %s", len(c.messages))
		c.order("THREAD "+algorithm, "UID THREAD "+algorithm+" UTF-8 UID %s", 40)
	}
}

// comparedKeys are the keys that are not asked for with words.
var comparedKeys = []string{"ALL", "SEEN", "UNSEEN", "LARGER 1000", "SMALLER 500", "SENTSINCE 1-Jan-2000", "SENTBEFORE 1-Jan-2000", "SENTON 1-Jan-2000", "SENTON 3-Feb-2020",
	"SENTON 2-Feb-2020", "SENTBEFORE 3-Feb-2020", "SENTSINCE 4-Feb-2020", "SINCE 1-Feb-2020", "BEFORE 15-Feb-2020", "ON 10-Feb-2020", "HEADER Subject \"\"",
	"HEADER X-Mailer \"\"", "NOT HEADER Date \"\"", "HEADER X-Empty \"\"", "OR SUBJECT plain LARGER 1000", "NOT (SUBJECT plain SMALLER 1000)", "SUBJECT \"\"", "FROM \"\"", "TEXT \"\"",
	"BODY \"\"", "1:10 NOT 5", "UID 3:5,7"}

func searchText(charset, key, word string) string {
	return fmt.Sprintf("UID SEARCH CHARSET %s %s {%d+}\r\n%s", charset, key, len(word), word)
}

// maxSearchWords bounds how many words of the messages are searched.
const maxSearchWords = 20

// searchWords are words that malformed mail has, and words picked out of the messages, few of each.
func searchWords(messages [][]byte) []string {
	words := []string{"e", "example", "no such text", "ann", "Ann ", "@", "x@", "plain", "Re:", "grüße", "GRÜSSE", "Привет", "日本語", "中文", "?=", "group", "<", "\"", "uml", "missing"}
	every := len(messages)/maxSearchWords + 1
	for i := 0; i < len(messages); i += every {
		fields := strings.FieldsFunc(string(messages[i]), func(r rune) bool { return r < 'A' || r > 'z' || r > 'Z' && r < 'a' })
		if len(fields) > 0 {
			words = append(words, fields[(i*31)%len(fields)])
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// search asks both servers which messages have something. Each that one finds and the other does not must be known.
func (c *comparison) search(kind, command string) {
	want, got := c.want.ask(command), c.got.ask(command)
	if want == got {
		c.tally(kind).equal++
		return
	}
	wantUIDs, wantOK := searchResult(want)
	gotUIDs, gotOK := searchResult(got)
	if !wantOK || !gotOK {
		if q := (Question{Command: command, Want: want, Got: got}); c.isKnown(kind, q) {
			c.tally(kind).known++
		} else {
			c.unknown(kind, q)
		}
		return
	}
	read := map[*asker]map[string]bool{}
	for _, r := range c.readings {
		read[r.asker], _ = searchResult(r.ask(command))
	}
	found := map[bool]string{true: "found", false: "not found"}
	for i, m := range c.messages {
		uid := fmt.Sprint(i + 1)
		q := Question{Command: command, Message: m, Want: found[wantUIDs[uid]], Got: found[gotUIDs[uid]]}
		if q.Want != q.Got && !c.isKnown(kind, q) && !c.isRead(kind, i, q, func(r reading) string { return found[read[r.asker][uid]] }) {
			c.unknown(kind, q)
			return
		}
	}
	c.tally(kind).known++
}

// searchResult are the UIDs in the answer to SEARCH.
func searchResult(answer string) (uids map[string]bool, ok bool) {
	list, ok := strings.CutPrefix(answer, "OK\nSEARCH")
	uids = map[string]bool{}
	for _, uid := range strings.Fields(list) {
		uids[uid] = true
	}
	return uids, ok
}
