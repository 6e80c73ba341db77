package audit

import (
	"context"
	"strings"
)

// caa looks whether DNS says which authorities may issue for the server's name: at
// the name or at one above it (RFC 8659, section 3).
func (a *auditor) caa(ctx context.Context) {
	if a.CAA == nil || sni(a.Name) == "" {
		return
	}
	for name := strings.TrimSuffix(a.Name, "."); strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		found, err := a.CAA(ctx, name)
		if err != nil {
			a.unknown("CAA records", err)
			return
		}
		if found {
			return
		}
	}
	a.find("no-caa", "neither %s nor a name above it has a CAA record", a.Name)
}
