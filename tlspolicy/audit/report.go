package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report is what an audit found. It is made to be written as JSON.
type Report struct {
	Address      string        `json:"address"`
	Name         string        `json:"name"`
	Protocol     Protocol      `json:"protocol"`
	Time         time.Time     `json:"time"`
	Seconds      float64       `json:"seconds"` // how long it took
	Grade        Grade         `json:"grade"`
	Findings     []Finding     `json:"findings"` // the worst first
	Versions     []Version     `json:"versions"` // the newest first
	DHBits       int           `json:"dh_bits"`  // smallest prime of finite field Diffie-Hellman; 0: none
	Certificates []Certificate `json:"certificates"`
	Sessions     Sessions      `json:"sessions"`
	ALPN         string        `json:"alpn"`        // what a client that offers the protocol's own names agrees on
	ALPNStrict   bool          `json:"alpn_strict"` // clients that offer other names only are refused
	Notes        []string      `json:"notes"`
	Unknown      []string      `json:"unknown"` // what could not be looked at, and why
}

// Version is a version of TLS that the server accepts.
type Version struct {
	ID          uint16  `json:"id"`
	Name        string  `json:"name"`
	Suites      []Suite `json:"suites"`       // by their numbers
	Groups      []Group `json:"groups"`       // in the order in which the server picks them; of 1.3 and of the highest version before it
	ServerOrder bool    `json:"server_order"` // the server chooses among suites, not the client
}

// Group is a key exchange group.
type Group struct {
	ID     uint16 `json:"id"`
	Name   string `json:"name"`
	Hybrid bool   `json:"hybrid"` // not broken by quantum computers alone
}

// newReport returns a report without findings, whose lists are empty in JSON, not null.
func newReport(address string, o Options) *Report {
	return &Report{Address: address, Name: o.Name, Protocol: o.Protocol, Findings: []Finding{}, Certificates: []Certificate{}, Notes: []string{}, Unknown: []string{},
		Sessions: Sessions{Elsewhere: []string{}}, Grade: Grade{Reasons: []string{}}}
}

// Worst returns the highest severity of all findings, Info if there are none.
func (r *Report) Worst() Severity {
	worst := Info
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

func (r *Report) has(id string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.ID == id })
}

func (r *Report) highest() Version { return r.Versions[0] }

// numbers returns those of the version's suites.
func (v Version) numbers() []uint16 { return v.which(func(Suite) bool { return true }) }

// which returns the numbers of some suites.
func (v Version) which(of func(Suite) bool) (ids []uint16) {
	for _, s := range v.Suites {
		if of(s) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// maxListed bounds the names in a finding.
const maxListed = 4

// list returns the names of some suites for a person, "" if there are none.
func (v Version) list(of func(Suite) bool) string {
	var names []string
	for _, s := range v.Suites {
		if of(s) {
			names = append(names, s.Name)
		}
	}
	if more := len(names) - maxListed; more > 0 {
		names = append(names[:maxListed], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
