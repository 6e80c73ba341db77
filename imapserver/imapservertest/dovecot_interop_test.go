//go:build interop

package imapservertest

import (
	"fmt"
	"os"
	"testing"
)

// TestDovecot judges the conversations themselves by a server of other authors: where Dovecot differs from what a
// script expects, one of the two is wrong.
func TestDovecot(t *testing.T) {
	s := Dovecot(t)
	Run(t, s, os.DirFS("../testdata"))
}

// TestDovecotSimulation lets random clients talk to Dovecot.
func TestDovecotSimulation(t *testing.T) {
	s := Dovecot(t)
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { Simulate(t, s, Simulation{Seed: seed}) })
	}
}
