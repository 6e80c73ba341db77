//go:build interop

package zxcvbn

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var (
	many     = flag.Int("zxcvbn.generated", 5000, "how many generated passwords to compare with npm's zxcvbn")
	fuzzed   = flag.Int("zxcvbn.fuzzed", 5000, "how many with unusual characters")
	rewrite  = flag.Bool("zxcvbn.rewrite", false, "write testdata/golden.json.gz anew")
	nodePath = flag.String("zxcvbn.node", "", "folder in which zxcvbn is installed in node_modules (default: install it)")
)

// reference rates passwords with npm's zxcvbn 4.4.2.
func reference(t *testing.T, questions []question) []rated {
	t.Helper()
	dir := *nodePath
	if dir == "" {
		dir = t.TempDir()
		install := exec.Command("npm", "install", "--no-audit", "--no-fund", "--prefix", dir, "zxcvbn@4.4.2")
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm install zxcvbn@4.4.2: %v\n%s", err, out)
		}
	}
	script, err := filepath.Abs("testdata/reference.js")
	if err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	for _, q := range questions {
		if err := json.NewEncoder(&in).Encode(q); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("node", script)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	cmd.Env = append(os.Environ(), "YEAR=2026", "NODE_PATH="+filepath.Join(dir, "node_modules"))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := readRated(t, bytes.NewReader(out))
	if len(answers) != len(questions) {
		t.Fatalf("%d answers for %d passwords", len(answers), len(questions))
	}
	return answers
}

func TestReference(t *testing.T) {
	var questions []question
	g := newGenerator(1)
	names := kindNames()
	for i := range *many {
		questions = append(questions, question{Password: g.password(names[i%len(names)])})
	}
	for range *fuzzed {
		p, inputs := g.unicode()
		questions = append(questions, question{p, inputs})
	}
	questions = append(questions, upstream()...)
	answers := reference(t, questions)
	compare(t, answers)
	if *rewrite {
		writeGolden(t, golden(answers, *many))
	}
}

// golden chooses what is committed: a tenth of the generated passwords, a fiftieth of the others, all of upstream's.
func golden(all []rated, generated int) (chosen []rated) {
	last := len(all) - len(upstream())
	for i, a := range all {
		if i < generated && i%10 == 0 || i >= generated && i%50 == 0 || i >= last {
			chosen = append(chosen, a)
		}
	}
	return chosen
}

func writeGolden(t *testing.T, all []rated) {
	t.Helper()
	file, err := os.Create(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	gz, _ := gzip.NewWriterLevel(file, gzip.BestCompression)
	for _, a := range all {
		line, err := json.Marshal([]any{a.Password, a.Inputs, a.guesses, a.score, a.warning, a.suggestions, a.patterns})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(gz, "%s\n", line)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
