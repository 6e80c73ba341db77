package outbound

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Mode is what a domain wants to happen if a server is not as its MTA-STS policy says (RFC 8461, section 5).
type Mode string

// The modes.
const (
	Enforce Mode = "enforce" // mail is not sent
	Testing Mode = "testing" // it is reported, and mail is sent
	None    Mode = "none"    // there is no policy any more
)

// STSPolicy is an MTA-STS policy (RFC 8461, section 3.2).
type STSPolicy struct {
	Mode   Mode
	MaxAge time.Duration // how long it may be remembered
	MX     []string      // names of servers, lower case; "*.example.org" has one label for the star
}

// Limits of MTA-STS.
const (
	maxPolicy    = 64 << 10               // bytes (RFC 8461, section 3.3)
	maxMX        = 1000                   // patterns
	longestAge   = 31557600 * time.Second // a year (RFC 8461, section 3.2)
	maxSTSRecord = 4 << 10                // bytes
	maxSTSID     = 32                     // characters (RFC 8461, section 3.1)
)

// ParseSTSPolicy reads the text of a policy. Fields that it does not know are passed over.
func ParseSTSPolicy(text string) (STSPolicy, error) {
	p := STSPolicy{}
	if len(text) > maxPolicy {
		return p, fmt.Errorf("the policy is longer than %d bytes", maxPolicy)
	}
	seen := map[string]bool{}
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if strings.TrimSpace(line) == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return p, fmt.Errorf("line %d of the policy is no field: %.40q", number+1, line)
		}
		value = strings.TrimSpace(value)
		// Of a field that is there twice, other than mx, the first counts.
		if key != "mx" && seen[key] {
			continue
		}
		seen[key] = true
		switch key {
		case "version":
			if value != "STSv1" {
				return p, fmt.Errorf("the policy has version %.40q, not STSv1", value)
			}
		case "mode":
			p.Mode = Mode(value)
		case "max_age":
			seconds, err := strconv.ParseUint(value, 10, 31)
			if err != nil {
				return p, fmt.Errorf("the policy has max_age %.40q", value)
			}
			p.MaxAge = min(time.Duration(seconds)*time.Second, longestAge)
		case "mx":
			if !isPattern(value) || len(p.MX) == maxMX {
				return p, fmt.Errorf("line %d of the policy is no name of a server, or one too many: %.40q", number+1, value)
			}
			p.MX = append(p.MX, strings.ToLower(value))
		}
	}
	switch {
	case !seen["version"]:
		return p, errors.New("the policy has no version")
	case !seen["max_age"]:
		return p, errors.New("the policy has no max_age")
	case !slices.Contains([]Mode{Enforce, Testing, None}, p.Mode):
		return p, fmt.Errorf("the policy has mode %.40q, none of enforce, testing, none", string(p.Mode))
	case len(p.MX) == 0 && p.Mode != None:
		return p, errors.New("the policy names no server (mx)")
	}
	return p, nil
}

// isPattern reports whether s is a domain name, perhaps with a star as its first label.
func isPattern(s string) bool {
	s = strings.TrimPrefix(s, "*.")
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(c rune) bool {
			return c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
		}) {
			return false
		}
	}
	return len(s) <= 253
}

// Matches reports whether the policy names a server (RFC 8461, section 4.1).
func (p STSPolicy) Matches(host string) bool {
	host = plain(host)
	_, parent, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(p.MX, func(pattern string) bool {
		if suffix, ok := strings.CutPrefix(pattern, "*."); ok {
			return parent == suffix
		}
		return host == pattern
	})
}

// strings is the policy as reports have it (RFC 8460, section 4.4).
func (p STSPolicy) strings() []string {
	lines := []string{"version: STSv1", "mode: " + string(p.Mode)}
	for _, mx := range p.MX {
		lines = append(lines, "mx: "+mx)
	}
	return append(lines, fmt.Sprintf("max_age: %d", int64(p.MaxAge/time.Second)))
}

// stsID returns the id in the TXT records of _mta-sts.DOMAIN, "" if there is no valid record or more than one (RFC 8461, section 3.1).
func stsID(records []string) string {
	records = slices.DeleteFunc(records, func(r string) bool {
		first, _, _ := strings.Cut(r, ";")
		return strings.TrimRight(first, " \t") != "v=STSv1"
	})
	if len(records) != 1 || len(records[0]) > maxSTSRecord {
		return ""
	}
	for field := range strings.SplitSeq(records[0], ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		if key != "id" {
			continue
		}
		value = strings.TrimSpace(value)
		if value == "" || len(value) > maxSTSID || strings.ContainsFunc(value, func(c rune) bool {
			return (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
		}) {
			return ""
		}
		return value
	}
	return ""
}
