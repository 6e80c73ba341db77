package imapserver

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestInProgress sees that numbers of one command grow up to the goal (RFC 9585, section 4), and that nobody is told of what is done at
// once.
func TestInProgress(t *testing.T) {
	code := regexp.MustCompile(`^\* OK \[INPROGRESS \("(t\d+)" (\d+) (\d+)\)\] `)
	for _, often := range []bool{true, false} {
		s := newTestServer(t, func(s *Server) {
			if often {
				s.Timeouts.Progress = time.Nanosecond
			}
		})
		c := s.session(t, 200)
		for _, command := range []string{"SEARCH TEXT text", "UID SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"} {
			told, last, goal := 0, 0, map[bool]string{false: "200", true: "400"}[strings.HasPrefix(command, "THREAD")]
			tag := c.send(command)
			for _, line := range c.answer(tag) {
				m := code.FindStringSubmatch(line)
				if m == nil {
					if strings.Contains(line, "INPROGRESS") {
						t.Errorf("%s: %q", command, line)
					}
					continue
				}
				told++
				done, _ := strconv.Atoi(m[2])
				if m[1] != tag || m[3] != goal || done <= last {
					t.Errorf("%s: %q", command, line)
				}
				last = done
			}
			if often != (told > 0) || often && last < 190 {
				t.Errorf("%s, often %v: told %d times, at last %d", command, often, told, last)
			}
		}
	}
}
