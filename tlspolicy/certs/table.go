package certs

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/tls"
	"slices"
	"strings"
)

// table answers which certificates are for a name. It is immutable.
type table struct {
	names     map[string]*entry
	wildcards map[string]*entry // by what follows "*."
	fallback  *entry            // nil: there is no certificate
}

// entry holds the certificates for one name, the best first.
type entry struct{ certs []*tls.Certificate }

// find returns the entry for a server name as clients send it, nil if there is none.
func (t *table) find(name string) *entry {
	name = strings.ToLower(name) // allocates only for upper case
	if e := t.names[name]; e != nil {
		return e
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		return t.wildcards[parent]
	}
	return nil
}

// choose returns the first certificate that the client can use, else the last:
// crypto/tls then tells the client what is missing.
func (e *entry) choose(client *tls.ClientHelloInfo) *tls.Certificate {
	last := len(e.certs) - 1
	if last == 0 {
		return e.certs[0]
	}
	anyName := *client
	anyName.ServerName = "" // whether the name fits has been decided
	for _, c := range e.certs[:last] {
		if anyName.SupportsCertificate(c) == nil {
			return c
		}
	}
	return e.certs[last]
}

// newTable makes the table of pairs, those that are the default's first.
func newTable(pairs []*pair, fallback string) *table {
	t := &table{names: map[string]*entry{}, wildcards: map[string]*entry{}}
	slices.SortStableFunc(pairs, func(a, b *pair) int { return cmp.Compare(a.rank(), b.rank()) })
	claimed := map[string]bool{} // by Pair.Names
	for _, p := range pairs {
		for _, name := range p.names {
			claimed[strings.ToLower(name)] = true
		}
	}
	for _, p := range pairs {
		if p.current == nil {
			continue
		}
		for _, name := range p.names {
			t.add(strings.ToLower(name), p)
		}
		if p.names != nil {
			continue
		}
		for _, name := range p.current.chain[0].DNSNames {
			if name = strings.ToLower(name); !claimed[name] {
				t.add(name, p)
			}
		}
	}
	for _, entries := range []map[string]*entry{t.names, t.wildcards} {
		for _, e := range entries {
			slices.SortStableFunc(e.certs, better)
		}
	}
	if fallback != "" {
		t.fallback = t.find(fallback)
	}
	for _, p := range pairs {
		if t.fallback == nil && p.current != nil && (fallback == "" || p.lastResort) {
			t.fallback = &entry{[]*tls.Certificate{&p.current.cert}}
			// An RSA certificate for the same names stands by its ECDSA one.
			if names := p.current.chain[0].DNSNames; len(names) > 0 {
				if e := t.find(names[0]); e != nil && slices.Contains(e.certs, &p.current.cert) {
					t.fallback = e
				}
			}
			break
		}
	}
	return t
}

// add has p's certificate served for a name, unless it is the last resort and there is another.
func (t *table) add(name string, p *pair) {
	if p.lastResort && t.find(name) != nil {
		return
	}
	entries := t.names
	if parent, ok := strings.CutPrefix(name, "*."); ok {
		entries, name = t.wildcards, parent
	}
	if entries[name] == nil {
		entries[name] = &entry{}
	}
	entries[name].certs = append(entries[name].certs, &p.current.cert)
}

// rank puts pairs of last resort behind the others.
func (p *pair) rank() int {
	if p.lastResort {
		return 1
	}
	return 0
}

// better orders ECDSA before other keys, then what begins later first.
func better(a, b *tls.Certificate) int {
	_, ecdsaA := a.Leaf.PublicKey.(*ecdsa.PublicKey)
	_, ecdsaB := b.Leaf.PublicKey.(*ecdsa.PublicKey)
	switch {
	case ecdsaA && !ecdsaB:
		return -1
	case ecdsaB && !ecdsaA:
		return 1
	}
	return b.Leaf.NotBefore.Compare(a.Leaf.NotBefore)
}
