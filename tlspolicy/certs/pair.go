package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/ocsp"
)

// The files that may lie beside a certificate.
const (
	ocspSuffix = ".ocsp"
	sctSuffix  = ".sctl"
	maxStaple  = 64 << 10
)

// pair is what is known of a pair of files.
type pair struct {
	names []string // Pair.Names
	// lastResort is Pair.LastResort.
	lastResort bool
	current    *loaded // what is served; nil: nothing was good so far
	seen       [4]fs.FileInfo
	changed    bool  // look again, even if nothing seems to have changed
	problem    error // why what was seen is not served
	warned     bool  // the problem was logged
	gone       time.Time
	ending     time.Time // when its end was logged last
}

// loaded is a certificate as it is served.
type loaded struct {
	cert      tls.Certificate
	chain     []*x509.Certificate
	since     time.Time
	stapleEnd time.Time // when the OCSP response ends; zero: there is none
}

// goneAfter is how long a pair of a folder must be missing before its certificate
// is no longer served.
const goneAfter = time.Minute

// look looks at all files and takes over what has changed. With insist, a problem
// is reported at once; else when it is still there at the next look: whoever
// replaces two files one after the other has done so by then. s.mu is held.
func (s *Store) look(now time.Time, insist bool) error {
	s.looks++
	found, err := s.search(now)
	changed := s.table.Load() == nil || len(s.order) != len(found)
	for _, f := range found {
		if s.pairs[f] == nil {
			s.pairs[f] = &pair{}
			changed = true
		}
		s.pairs[f].gone = time.Time{}
	}
	for i, p := range s.options.Pairs {
		s.pairs[found[i]].names, s.pairs[found[i]].lastResort = p.Names, p.LastResort
	}
	fixed, rest := found[:len(s.options.Pairs)], found[len(s.options.Pairs):]
	// What is no longer there stays for a while: folders are moved and made anew.
	var missing []files
	for _, f := range s.order {
		if _, there := slices.BinarySearchFunc(rest, f, compare); there || slices.Contains(fixed, f) {
			continue
		}
		p := s.pairs[f]
		if p.gone.IsZero() {
			p.gone = now
		}
		if err != nil || p.current != nil && now.Sub(p.gone) < goneAfter {
			missing = append(missing, f)
			continue
		}
		s.options.Logger.Info("certificates: the files are gone, their certificate is no longer served", "file", f.cert)
		delete(s.pairs, f)
		changed = true
	}
	rest = append(rest, missing...)
	slices.SortFunc(rest, compare)
	s.order = slices.Concat(fixed, rest)
	for _, f := range s.order {
		if s.examine(f, now, insist) {
			changed = true
		}
	}
	if changed {
		s.rebuild()
	}
	return err
}

func compare(a, b files) int {
	if c := strings.Compare(a.cert, b.cert); c != 0 {
		return c
	}
	return strings.Compare(a.key, b.key)
}

// search returns the files of all pairs: those of Options in their order, then
// those in folders, sorted.
func (s *Store) search(now time.Time) ([]files, error) {
	var all []files
	for _, p := range s.options.Pairs {
		all = append(all, files{p.Cert, p.Key})
	}
	var found []files
	var errs []error
	entries := maxEntries
	for _, f := range s.folders {
		var err error
		if found, err = f.search(now, 0, &entries, found); err != nil {
			errs = append(errs, err)
		}
	}
	slices.SortFunc(found, compare)
	found = slices.DeleteFunc(slices.Compact(found), func(f files) bool { return slices.Contains(all, f) })
	return append(all, found...), errors.Join(errs...)
}

func (s *Store) rebuild() {
	pairs := make([]*pair, 0, len(s.order))
	for _, f := range s.order {
		pairs = append(pairs, s.pairs[f])
	}
	next := newTable(pairs, s.options.Default)
	if last := s.table.Load(); next.fallback == nil && last != nil {
		next.fallback = last.fallback // the default's files are gone: better an old one than none
	}
	s.table.Store(next)
}

// examine loads a pair if its files have changed, and reports whether something
// new is to be served.
func (s *Store) examine(f files, now time.Time, insist bool) (changed bool) {
	p := s.pairs[f]
	if c := p.current; c != nil {
		if !c.stapleEnd.IsZero() && now.After(c.stapleEnd) {
			p.changed = true
		}
		s.warnOfEnd(f, p, now)
	}
	var seen [4]fs.FileInfo
	for i, name := range []string{f.cert, f.key, f.cert + ocspSuffix, f.cert + sctSuffix} {
		// What lies beside few certificates is looked for less often.
		if i < 2 || p.seen[i] != nil || s.looks%10 == 1 || insist {
			seen[i], _ = os.Stat(name) // what is wrong with it is told when it is read
		}
	}
	unchanged := slices.EqualFunc(seen[:], p.seen[:], same)
	if unchanged && !p.changed && (p.problem == nil || p.warned) && (p.current != nil || p.problem != nil) {
		return false
	}
	next, stapleErr, err := s.load(f, now)
	p.seen = seen
	p.changed = slices.ContainsFunc(seen[:], func(i fs.FileInfo) bool { return i != nil && now.Sub(i.ModTime()) < racy })
	if err == nil {
		err = stapleErr // served, but not as it should be
	}
	if (err == nil) != (p.problem == nil) || err != nil && err.Error() != p.problem.Error() {
		p.warned = false
	}
	p.problem = err
	if err != nil && !p.warned && (unchanged || insist) {
		p.warned = true
		s.options.Logger.Warn("certificates: what lies there cannot be used", "file", f.cert, "error", err, "served before", p.current != nil)
	}
	if next == nil || p.current != nil && p.current.equal(next) {
		return false
	}
	if p.current != nil {
		s.options.Logger.Info("certificates: replaced", "file", f.cert, "names", next.chain[0].DNSNames, "until", next.chain[0].NotAfter)
	}
	p.current = next
	return true
}

func (l *loaded) equal(o *loaded) bool {
	bytesEqual := func(a, b []byte) bool { return string(a) == string(b) }
	return slices.EqualFunc(l.cert.Certificate, o.cert.Certificate, bytesEqual) && bytesEqual(l.cert.OCSPStaple, o.cert.OCSPStaple) &&
		slices.EqualFunc(l.cert.SignedCertificateTimestamps, o.cert.SignedCertificateTimestamps, bytesEqual)
}

// warnOfEnd tells once a day of a certificate that has a tenth of its life left, or less.
func (s *Store) warnOfEnd(f files, p *pair, now time.Time) {
	leaf := p.current.chain[0]
	left := leaf.NotAfter.Sub(now)
	if left > leaf.NotAfter.Sub(leaf.NotBefore)/10 || now.Sub(p.ending) < 24*time.Hour {
		return
	}
	p.ending = now
	s.options.Logger.Warn("certificates: about to end; is it renewed?", "file", f.cert, "names", leaf.DNSNames, "until", leaf.NotAfter, "left", left.Round(time.Minute))
}

// load reads a pair and what lies beside it. A staple that cannot be used is left
// out and told apart: the certificate is good without it.
func (s *Store) load(f files, now time.Time) (l *loaded, stapleErr, err error) {
	cert, err := tlspolicy.Load(f.cert, f.key)
	if err != nil {
		return nil, nil, err
	}
	if cert, err = s.options.Policy.Admit(cert); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.cert, err)
	}
	l = &loaded{cert: cert, since: now}
	for _, der := range cert.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil { // Load has parsed them
			return nil, nil, err
		}
		l.chain = append(l.chain, c)
	}
	if s.options.Check != nil {
		if err := s.options.Check(f.cert, l.chain); err != nil {
			return nil, nil, err
		}
	}
	return l, errors.Join(l.staple(f.cert+ocspSuffix, now), l.timestamps(f.cert+sctSuffix)), nil
}

// staple adds the OCSP response in file (RFC 6960, in DER), if there is one.
func (l *loaded) staple(file string, now time.Time) error {
	der, err := readBeside(file)
	if err != nil || der == nil {
		return err
	}
	if len(l.chain) < 2 {
		return fmt.Errorf("%s: cannot be checked: the chain lacks the certificate of the issuer", file)
	}
	answer, err := ocsp.ParseResponseForCert(der, l.chain[0], l.chain[1])
	switch {
	case err != nil:
		return fmt.Errorf("%s: no OCSP response of the issuer for this certificate: %w", file, err)
	case answer.Status == ocsp.Revoked:
		return fmt.Errorf("%s: the certificate is revoked since %s; have it issued again, with a new key", file, answer.RevokedAt.Format(time.RFC3339))
	case answer.Status != ocsp.Good:
		return fmt.Errorf("%s: the issuer does not know the certificate", file)
	case now.Before(answer.ThisUpdate) || !answer.NextUpdate.IsZero() && now.After(answer.NextUpdate):
		return fmt.Errorf("%s: the OCSP response is valid from %s to %s; fetch a new one", file, answer.ThisUpdate.Format(time.RFC3339), answer.NextUpdate.Format(time.RFC3339))
	}
	l.cert.OCSPStaple, l.stapleEnd = der, answer.NextUpdate
	return nil
}

// timestamps adds the SignedCertificateTimestampList in file (RFC 6962, section
// 3.3), if there is one.
func (l *loaded) timestamps(file string) error {
	data, err := readBeside(file)
	if err != nil || data == nil {
		return err
	}
	in := cryptobyte.String(data)
	var list, sct cryptobyte.String
	ok := in.ReadUint16LengthPrefixed(&list) && in.Empty() && !list.Empty()
	var all [][]byte
	for ok && !list.Empty() {
		if ok = list.ReadUint16LengthPrefixed(&sct) && !sct.Empty(); ok {
			all = append(all, slices.Clone(sct))
		}
	}
	if !ok {
		return fmt.Errorf("%s: is not a SignedCertificateTimestampList of RFC 6962", file)
	}
	l.cert.SignedCertificateTimestamps = all
	return nil
}

// readBeside returns nil if there is no such file.
func readBeside(file string) ([]byte, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxStaple {
		return nil, fmt.Errorf("%s: is not a regular file of at most %d bytes", file, maxStaple)
	}
	return io.ReadAll(io.LimitReader(f, maxStaple))
}
