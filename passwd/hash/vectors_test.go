package hash

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// vector is what another program made of a password of anna@example.org.
type vector struct {
	By       string `json:"by"` // doveadm or mkpasswd, and its scheme
	Password string `json:"password"`
	Hash     string `json:"hash"`
}

const vectorFile = "testdata/vectors.json"

// refused are those that [Parse] refuses by name.
var refused = map[string]string{"doveadm OTP": "OTP", "mkpasswd gost-yescrypt": "GOST-YESCRYPT"}

// check fails if v is not verified, or another password is.
func (v vector) check(t *testing.T) {
	t.Helper()
	h, err := Parse(v.Hash)
	if name, no := refused[v.By]; no {
		if e, ok := err.(*Error); !ok || e.Scheme != name {
			t.Errorf("%s: %v", v.By, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s of %q: %v", v.By, v.Password, err)
		return
	}
	if !h.Match("anna@example.org", v.Password) || h.String() != v.Hash || h.Scheme() == "" {
		t.Errorf("%s of %q does not match: %s", v.By, v.Password, v.Hash)
	}
	if wrong := "y" + v.Password; h.Match("anna@example.org", wrong) {
		t.Errorf("%s of %q matches %q", v.By, v.Password, wrong)
	}
}

// TestVectors reads what doveadm 2.3.19 and mkpasswd of Debian 12 made.
func TestVectors(t *testing.T) {
	file, err := os.Open(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	programs := map[string]int{}
	for s := bufio.NewScanner(file); s.Scan(); {
		var v vector
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		programs[v.By]++
		v.check(t)
	}
	if len(programs) != 31+12 {
		t.Errorf("vectors of %d schemes, not 43: %v", len(programs), programs)
	}
}
