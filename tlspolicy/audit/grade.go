package audit

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"math"
	"slices"
)

// Grade is what SSL Labs would say, by its SSL Server Rating Guide (2009q, and
// the rule on TLS 1.3 of 2009r).
type Grade struct {
	Letter      string   `json:"letter"`       // A to F with A-; T: not trusted, M: another name
	Score       int      `json:"score"`        // 0 to 100, before caps
	Protocol    int      `json:"protocol"`     // support of versions, 0 to 100, 30 % of the score
	KeyExchange int      `json:"key_exchange"` // 30 %
	Cipher      int      `json:"cipher"`       // 40 %
	Reasons     []string `json:"reasons"`      // one for each point lost and each cap
}

// letters, the best first. T and M say that no letter counts.
var letters = []string{"A", "A-", "B", "C", "D", "E", "F", "M", "T"}

// byScore is the guide's table 1.
var byScore = []struct {
	from   int
	letter string
}{{80, "A"}, {65, "B"}, {50, "C"}, {35, "D"}, {20, "E"}, {0, "F"}}

// protocolScores is the guide's table 3.
var protocolScores = map[uint16]int{2: 0, versionSSL30: 80, tls.VersionTLS10: 90, tls.VersionTLS11: 95, tls.VersionTLS12: 100, tls.VersionTLS13: 100}

// keyScores is the guide's table 4: the score of a key or a parameter of at least so many bits (of RSA).
var keyScores = []struct{ bits, score int }{{4096, 100}, {2048, 90}, {1024, 80}, {512, 40}, {1, 20}, {0, 0}}

// cipherScores is the guide's table 5.
var cipherScores = []struct{ bits, score int }{{256, 100}, {128, 80}, {1, 20}, {0, 0}}

func scoreOf(table []struct{ bits, score int }, bits int) int {
	for _, row := range table {
		if bits >= row.bits {
			return row.score
		}
	}
	return 0
}

// measured is one value that a category is scored by.
type measured struct {
	what  string
	score int
}

// extremes returns the best and the worst.
func extremes(values []measured) (best, worst measured) {
	byScore := func(x, y measured) int { return cmp.Compare(x.score, y.score) }
	if len(values) == 0 {
		return
	}
	return slices.MaxFunc(values, byScore), slices.MinFunc(values, byScore)
}

func grade(r *Report) Grade {
	g := Grade{Reasons: []string{}}
	lose := func(format string, args ...any) { g.Reasons = append(g.Reasons, fmt.Sprintf(format, args...)) }
	var protocols, ciphers []measured
	for _, v := range r.Versions {
		protocols = append(protocols, measured{v.Name, protocolScores[v.ID]})
		for _, s := range v.Suites {
			if !s.has("unregistered") {
				ciphers = append(ciphers, measured{fmt.Sprintf("%s (%d bits)", s.Name, s.Bits), scoreOf(cipherScores, s.Bits)})
			}
		}
	}
	if r.has("ssl2") {
		protocols = append(protocols, measured{"SSL 2.0", protocolScores[2]})
	}
	best, worst := extremes(protocols)
	if g.Protocol = (best.score + worst.score) / 2; g.Protocol < 100 {
		lose("versions: %d of 100, the mean of the best, %s (%d), and the worst, %s (%d)", g.Protocol, best.what, best.score, worst.what, worst.score)
	}
	_, worst = extremes(r.exchanges())
	if g.KeyExchange = worst.score; g.KeyExchange < 100 {
		lose("key exchange: %d of 100, for %s", g.KeyExchange, worst.what)
	}
	best, worst = extremes(ciphers)
	if g.Cipher = (best.score + worst.score) / 2; g.Cipher < 100 {
		lose("ciphers: %d of 100, the mean of the best, %s (%d), and the worst, %s (%d)", g.Cipher, best.what, best.score, worst.what, worst.score)
	}
	g.Score = int(math.Round(0.3*float64(g.Protocol) + 0.3*float64(g.KeyExchange) + 0.4*float64(g.Cipher)))
	if worst.score == 0 || g.Protocol == 0 || g.KeyExchange == 0 {
		g.Score = 0
	}
	for _, row := range byScore {
		if g.Score >= row.from {
			g.Letter = row.letter
			break
		}
	}
	for _, f := range r.Findings {
		if f.Cap == "" {
			continue
		}
		if f.Cap != "A" {
			lose("not above %s: %s: %s", f.Cap, f.ID, f.Detail)
		}
		if slices.Index(letters, f.Cap) > slices.Index(letters, g.Letter) {
			g.Letter = f.Cap
		}
	}
	return g
}

// exchanges are the keys and parameters that protect the secrets of sessions.
func (r *Report) exchanges() (values []measured) {
	add := func(what string, bits int) { values = append(values, measured{what, scoreOf(keyScores, bits)}) }
	for _, c := range r.Certificates {
		if c.bits > 0 {
			add("a certificate's key "+c.Key, c.bits)
		}
	}
	if r.DHBits > 0 {
		add(fmt.Sprintf("finite field Diffie-Hellman with %d bits", r.DHBits), r.DHBits)
	}
	for _, v := range r.Versions {
		for _, g := range v.Groups {
			add("the group "+g.Name, groupBits(g.ID))
		}
	}
	if r.has("anonymous") {
		values = append(values, measured{"suites without authentication", 0})
	}
	if r.has("export") {
		values = append(values, measured{"export suites", 40})
	}
	return values
}

// groupBits returns what a group is worth, as bits of RSA.
func groupBits(id uint16) int {
	switch g := tls.CurveID(id); {
	case g == tls.CurveP384 || g == tls.SecP384r1MLKEM1024 || g == 27 || g == 30:
		return rsaBits(384)
	case g == tls.CurveP521 || g == 28:
		return rsaBits(512)
	case g >= 256 && g <= 260: // RFC 7919
		return []int{2048, 3072, 4096, 6144, 8192}[g-256]
	case slices.Contains(weakGroups, g):
		return rsaBits(160)
	case g == 20 || g == 21: // of 224 bits
		return rsaBits(224)
	}
	return rsaBits(256)
}
