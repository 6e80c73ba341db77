package drill

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkDrill measures what the drill itself takes, keys and synced log included, for 1,000 certificates and a million users. Authority and
// database answer at once.
func BenchmarkDrill(b *testing.B) {
	const certificates, users = 1000, 1_000_000
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b, certificates, 0)
		d := &Drill{Dir: filepath.Join(b.TempDir(), "d"), Installer: w, Issuer: w, Tickets: w, Accounts: manyAccounts(users), Sessions: w, Parallel: 4}
		b.StartTimer()
		plan, err := d.Run(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		end := plan.Started
		for i, step := range plan.Steps {
			if i+1 == len(plan.Steps) || plan.Steps[i+1].Phase != step.Phase { // the last of its phase
				b.ReportMetric(step.Done.Sub(end).Seconds(), string(step.Phase)+"-s")
				end = step.Done
			}
		}
	}
}

// manyAccounts are so many users that are marked at once.
type manyAccounts int

func (a manyAccounts) Next(_ context.Context, after string, n int) (names []string, err error) {
	first := 0
	if after != "" {
		if _, err := fmt.Sscanf(after, "user%d", &first); err != nil {
			return nil, err
		}
		first++
	}
	for i := first; i < min(first+n, int(a)); i++ {
		names = append(names, fmt.Sprintf("user%07d", i))
	}
	return names, nil
}

func (manyAccounts) RequireChange(context.Context, []string, time.Time) error { return nil }
