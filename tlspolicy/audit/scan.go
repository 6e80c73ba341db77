package audit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/hello"
)

const versionSSL30 = 0x0300

// scanned are the versions that have a ClientHello in common.
var scanned = []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10, versionSSL30}

// Groups before TLS 1.3 (RFC 8422, section 5.1.1; RFC 7027), without finite
// fields: a server that knows RFC 7919 would not show its own parameters.
var classicGroups = append([]tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521, 30}, span(1, 22, 26, 28)...)

// knownGroups are the ranges in use in the registry of TLS Supported Groups.
var knownGroups = span(1, 41, 256, 260, 512, 514, 4587, 4590, 0x6399, 0x6399)

// span returns all numbers from each first to each last.
func span(bounds ...int) (ids []tls.CurveID) {
	for i := 0; i < len(bounds); i += 2 {
		for id := bounds[i]; id <= bounds[i+1]; id++ {
			ids = append(ids, tls.CurveID(id))
		}
	}
	return ids
}

// everySignature has what a server of any age may want to sign with.
var everySignature = []tls.SignatureScheme{
	tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256, tls.PKCS1WithSHA256, tls.ECDSAWithP384AndSHA384, tls.PSSWithSHA384, tls.PKCS1WithSHA384,
	tls.ECDSAWithP521AndSHA512, tls.PSSWithSHA512, tls.PKCS1WithSHA512, tls.Ed25519, 0x0808, 0x0809, 0x080a, 0x080b,
	tls.ECDSAWithSHA1, tls.PKCS1WithSHA1, 0x0402, 0x0302, 0x0202, 0x0301, 0x0303, 0x0101,
}

// offer is a ClientHello of one version.
func (a *auditor) offer(version uint16, suites []uint16) hello.Hello {
	h := hello.Hello{Versions: []uint16{version}, Suites: suites, Name: sni(a.Name), Signatures: everySignature, EMS: true, Ticket: true, Renegotiable: true, Status: true, SCT: true}
	switch version {
	case tls.VersionTLS13:
		h.Groups, h.Shares = knownGroups, []tls.CurveID{tls.X25519, tls.CurveP256}
	case versionSSL30: // has no extensions
		h = hello.Hello{Versions: h.Versions, Suites: append(slices.Clone(suites), hello.RenegotiationSCSV)}
	default:
		h.Groups = classicGroups
	}
	return h
}

// batches are how many numbers are offered at once: old servers do not take long
// messages, so registered suites come in small ones.
const (
	smallBatch = 60
	largeBatch = 4096
)

// pick finds which of many numbers a server takes: what it has picked is left out of the next offer, until it refuses.
func pick[T ~uint16](offer []T, try func([]T) (id T, ok bool, err error)) (picked []T, err error) {
	offer = slices.Clone(offer)
	for len(offer) > 0 {
		id, ok, err := try(offer)
		if err != nil || !ok {
			return picked, err
		}
		before := len(offer)
		if offer = slices.DeleteFunc(offer, func(o T) bool { return o == id }); len(offer) == before {
			return picked, fmt.Errorf("the server picks 0x%04X, which was not offered", id)
		}
		picked = append(picked, id)
	}
	return picked, nil
}

// versions finds the versions and the suites of each.
func (a *auditor) versions(ctx context.Context) error {
	type found struct {
		suites []Suite
		errs   []error
	}
	results := make([]found, len(scanned))
	var wait sync.WaitGroup
	var mu sync.Mutex // guards results and a.replies
	for _, version := range scanned {
		a.replies[version] = map[uint16]hello.Reply{}
	}
	for i, version := range scanned {
		for batch := range slices.Chunk(a.suiteNumbers(version), a.batchSize()) {
			wait.Go(func() {
				replies, err := a.suites(ctx, version, batch)
				mu.Lock()
				defer mu.Unlock()
				maps.Copy(a.replies[version], replies)
				for id := range replies {
					results[i].suites = append(results[i].suites, suiteOf(id))
				}
				if err != nil {
					results[i].errs = append(results[i].errs, err)
				}
			})
		}
	}
	wait.Wait()
	var errs []error
	for i, version := range scanned {
		r := results[i]
		if len(r.errs) > 0 {
			errs = append(errs, r.errs...)
			a.unknown("suites of "+versionName(version), r.errs[0])
		}
		if len(r.suites) > 0 {
			slices.SortFunc(r.suites, func(x, y Suite) int { return int(x.ID) - int(y.ID) })
			a.report.Versions = append(a.report.Versions, Version{ID: version, Name: versionName(version), Suites: r.suites})
		}
	}
	if len(a.report.Versions) > 0 {
		return ctx.Err()
	}
	if len(errs) > 0 {
		return fmt.Errorf("audit: %s: %w", a.address, errs[0])
	}
	return fmt.Errorf("audit: %s: %w", a.address, errNothing)
}

var errNothing = errors.New("the server refuses every version and every suite of TLS")

func (a *auditor) batchSize() int {
	if a.AllNumbers {
		return largeBatch
	}
	return smallBatch
}

// suiteNumbers are those to be tried. Numbers that are signals and no suites are left out.
func (a *auditor) suiteNumbers(version uint16) []uint16 {
	if !a.AllNumbers {
		return registered(version == tls.VersionTLS13)
	}
	return slices.DeleteFunc(everyNumber[uint16](), func(id uint16) bool { return id == hello.FallbackSCSV || id == hello.RenegotiationSCSV })
}

func everyNumber[T ~uint16]() []T {
	all := make([]T, 1<<16)
	for i := range all {
		all[i] = T(i)
	}
	return all
}

// suites finds which of a batch are accepted in a version.
func (a *auditor) suites(ctx context.Context, version uint16, batch []uint16) (map[uint16]hello.Reply, error) {
	replies := map[uint16]hello.Reply{}
	_, err := pick(batch, func(offer []uint16) (uint16, bool, error) {
		r, err := a.ask(ctx, a.offer(version, offer))
		if err != nil || r.Refused || r.Version != version {
			return 0, false, err
		}
		replies[r.Suite] = r
		return r.Suite, true, nil
	})
	return replies, err
}

// groups finds the groups of TLS 1.2 (or the highest version before 1.3) and 1.3.
func (a *auditor) groups(ctx context.Context) {
	var wait sync.WaitGroup
	classic := false
	for _, v := range a.report.Versions {
		suites := v.numbers()
		if v.ID != tls.VersionTLS13 {
			suites = v.which(Suite.elliptic)
			if len(suites) == 0 || classic {
				continue
			}
			classic = true
		}
		wait.Go(func() {
			try := func(offer []tls.CurveID) (tls.CurveID, bool, error) {
				h := a.offer(v.ID, suites)
				h.Groups, h.Shares = offer, nil
				r, err := a.ask(ctx, h)
				return r.Group, err == nil && !r.Refused && r.Version == v.ID && r.Group != 0, err
			}
			var taken []tls.CurveID
			var errs []error
			for _, batch := range a.groupBatches(v.ID) {
				picked, err := pick(batch, try)
				taken, errs = append(taken, picked...), append(errs, err)
			}
			taken, err := pick(taken, try) // once more, in the order of the server
			if err = errors.Join(append(errs, err)...); err != nil {
				a.unknown("groups of "+v.Name, err)
			}
			found := []Group{}
			for _, id := range taken {
				found = append(found, Group{ID: uint16(id), Name: groupName(id), Hybrid: hybrid(id)})
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			a.taken[v.ID] = found
		})
	}
	wait.Wait()
}

// groupBatches are the groups to be tried: with numbers that are not in use, all 65,536.
func (a *auditor) groupBatches(version uint16) [][]tls.CurveID {
	switch {
	case a.AllNumbers:
		return slices.Collect(slices.Chunk(everyNumber[tls.CurveID](), largeBatch))
	case version == tls.VersionTLS13:
		return [][]tls.CurveID{knownGroups}
	}
	return [][]tls.CurveID{classicGroups}
}

// hybrid reports whether a group combines a classic key exchange with one that
// quantum computers do not break (draft-ietf-tls-ecdhe-mlkem, section 4; 512 to
// 514 are ML-KEM alone).
func hybrid(id tls.CurveID) bool {
	return id >= 4587 && id <= 4590 || id >= 512 && id <= 514 || id == 0x6399
}

var groupNames = map[tls.CurveID]string{
	22: "secp256k1", 26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1", 30: "X448",
	256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192",
	512: "MLKEM512", 513: "MLKEM768", 514: "MLKEM1024", 4590: "curveSM2MLKEM768", 0x6399: "X25519Kyber768Draft00",
}

func groupName(id tls.CurveID) string {
	if name, ok := groupNames[id]; ok {
		return name
	}
	return strings.Replace(id.String(), "CurveP", "P-", 1)
}

func versionName(id uint16) string {
	if id == versionSSL30 {
		return "SSL 3.0"
	}
	return tls.VersionName(id)
}

// orders finds for each version whether the server has its own order of suites.
func (a *auditor) orders(ctx context.Context) {
	for _, v := range a.report.Versions {
		suites := v.numbers()
		if len(suites) < 2 {
			continue
		}
		forth, err1 := a.ask(ctx, a.offer(v.ID, suites))
		slices.Reverse(suites)
		back, err2 := a.ask(ctx, a.offer(v.ID, suites))
		if err := errors.Join(err1, err2); err != nil {
			a.unknown("order of suites of "+v.Name, err)
			continue
		}
		a.mu.Lock()
		a.order[v.ID] = forth.Suite == back.Suite
		a.mu.Unlock()
	}
}

// ssl2 looks for SSL 2.0.
func (a *auditor) ssl2(ctx context.Context) {
	conn, end, err := a.connect(ctx, a.address, "")
	if err == nil {
		defer end()
		var yes bool
		if _, err = conn.Write(ssl2Hello()); err == nil {
			yes, err = ssl2Accepts(conn)
		}
		if yes {
			a.find("ssl2", "the server answers a CLIENT-HELLO of SSL 2.0")
		}
	}
	if err != nil && !refusal(err) {
		a.unknown("SSL 2.0", err)
	}
}
