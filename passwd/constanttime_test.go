package passwd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// secretName finds names of values that an attacker guesses at.
var secretName = regexp.MustCompile(`(?i)(hash|sum|digest|proof|key|mac|secret|password|fingerprint|code|token|verifier)s?$`)

// notSecret are the comparisons that the test below finds and that may take any time, with the reason.
var notSecret = map[string]string{
	"breach/build.go: key, b.last":                               "a public list",
	"breach/format.go: crc32.Checksum(), sum":                    "against damage, not against people",
	"breach/format.go: blockSum(), binary.LittleEndian.Uint32()": "against damage, not against people",
	"hash/scram.go: s.Hash, other.Hash":                          "names of hash functions",
	"scram.go: s.Hash, name":                                     "names of hash functions",
	"oauth/oauth.go: response.StatusCode, http.StatusOK":         "a status of HTTP",
	"policy/policy.go: password, c.User":                         "a new password and the name, both of the one who asks",
	"scram.go: x.Hash, app.Hash":                                 "what is stored with what was stored; the password was right",
	"scram.go: app.ID, x.proofs[]":                               "ids, after the proof",
	"users.go: now.Hash.String(), stored.String()":               "what is stored with what was stored; the password was right",
	"users.go: now.Hash.String(), r.Hash.String()":               "what is stored with what was stored; the password was right",
	"zxcvbn/feedback.go: lower(), token":                         "a new password, of the one who asks",
	"zxcvbn/match.go: key[], byte()":                             "words of a dictionary",
}

// TestConstantTime looks at every comparison of all packages under passwd: what could be a secret is compared by crypto/subtle or crypto/hmac.
func TestConstantTime(t *testing.T) {
	fset, used := token.NewFileSet(), map[string]bool{}
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		parsed, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			var operands []ast.Expr
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					operands = []ast.Expr{n.X, n.Y}
				}
			case *ast.CallExpr:
				if slices.Contains([]string{"bytes.Equal", "bytes.Compare", "slices.Equal", "strings.Compare", "strings.EqualFold", "reflect.DeepEqual"}, text(n.Fun)) {
					operands = n.Args
				}
			}
			if slices.ContainsFunc(operands, constant) || !slices.ContainsFunc(operands, secret) {
				return true
			}
			at := filepath.ToSlash(path) + ": " + text(operands[0]) + ", " + text(operands[1])
			used[at] = true
			if notSecret[at] == "" {
				t.Errorf("%s: %q is compared in a time that depends on it", fset.Position(n.Pos()), at)
			}
			return true
		})
		return nil
	})
	must(t, err)
	if files < 40 {
		t.Errorf("only %d files seen", files)
	}
	for at := range notSecret {
		if !used[at] {
			t.Errorf("%q is excused and not there", at)
		}
	}
}

// text returns the names that an expression is made of.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return text(e.Fun) + "()"
	case *ast.IndexExpr:
		return text(e.X) + "[]"
	case *ast.SliceExpr:
		return text(e.X) + "[:]"
	case *ast.ParenExpr:
		return text(e.X)
	case *ast.BinaryExpr:
		return text(e.X) + e.Op.String() + text(e.Y)
	}
	return "_"
}

func secret(e ast.Expr) bool {
	return secretName.MatchString(strings.TrimSuffix(strings.TrimRight(text(e), "()[]:"), ".String"))
}

// constant reports literals, nil, and lengths.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil" || e.Name == "true" || e.Name == "false"
	case *ast.CallExpr:
		return text(e.Fun) == "len"
	}
	return false
}
