package imapserver

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
)

var (
	simulateFor  = flag.Duration("simulate", 0, "simulate random clients for so long")
	simulateSeed = flag.Uint64("simulate.seed", 1, "the first seed of the simulation")
)

// TestSimulation lets random clients act on one account, and holds the server to what each of them must believe. A
// longer run: go test -run Simulation -timeout 0 -simulate 1h.
func TestSimulation(t *testing.T) {
	s := newTestServer(t, nil)
	server := imapservertest.Server{Name: "mailhavn", Dial: s.dialTLS, NewAccount: s.newAccount}
	start := time.Now()
	for seed := *simulateSeed; seed < *simulateSeed+3 || time.Since(start) < *simulateFor; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			imapservertest.Simulate(t, server, imapservertest.Simulation{Seed: seed, Sessions: 3 + int(seed%4)})
		})
	}
}
