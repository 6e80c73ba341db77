package imapserver

import (
	"slices"
	"strings"
	"sync"
)

// registries are the registries without hidden capabilities, by their names.
type registries struct {
	mu     sync.Mutex // guards the following field
	byName map[string]*registry
}

// maxRegistries is how many are kept; there are usually a few.
const maxRegistries = 64

// hide takes from the client what it is not to see.
func (c *conn) hide() {
	hidden := c.server.accommodate(c.client)
	if c.server.Hide != nil {
		for _, name := range c.server.Hide(c.identity.user, c.client) {
			hidden = append(hidden, strings.ToUpper(name))
		}
	}
	slices.Sort(hidden)
	c.registry = c.server.without(slices.Compact(hidden))
}

// without returns the registry without capabilities, which are in upper case and sorted.
func (s *Server) without(hidden []string) *registry {
	if len(hidden) == 0 {
		return s.registry
	}
	key := strings.Join(hidden, " ")
	s.visible.mu.Lock()
	defer s.visible.mu.Unlock()
	r := s.visible.byName[key]
	if r == nil {
		r = newRegistry(baseCommands(), visible(extensions(), hidden))
		if len(s.visible.byName) >= maxRegistries || s.visible.byName == nil {
			s.visible.byName = map[string]*registry{}
		}
		s.visible.byName[key] = r
	}
	return r
}

// visible returns what is left of extensions: those of which a capability stays, and which do not need one that is hidden.
func visible(list []extension, hidden []string) []extension {
	var left []extension
	for _, e := range list {
		announced := len(e.capabilities)
		e.capabilities = slices.DeleteFunc(slices.Clone(e.capabilities), func(c capability) bool {
			return slices.Contains(hidden, strings.ToUpper(c.name))
		})
		if announced > 0 && len(e.capabilities) == 0 || e.needs != "" && slices.Contains(hidden, e.needs) {
			continue
		}
		left = append(left, e)
	}
	return left
}

// Capabilities returns what Server.Hide can hide, sorted.
func Capabilities() []string {
	var names []string
	for _, e := range extensions() {
		for _, c := range e.capabilities {
			names = append(names, c.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
