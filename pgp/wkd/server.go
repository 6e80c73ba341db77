package wkd

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
)

// Directory publishes keys by both methods of the draft, with the policy file (section 4.5). It answers below /.well-known/openpgpkey/, on the host of a domain or on
// openpgpkey.DOMAIN. The zero value is empty and ready; it may be used by several goroutines.
//
// Who asks for an address without a published key gets the same answer whether there is such an address or not, and as fast: the directory knows published
// keys only. The parameter l is not looked at.
type Directory struct {
	// SubmissionAddress, if it is set, is told to clients that want to publish keys by mail (section 4.1).
	SubmissionAddress string

	mu      sync.RWMutex
	domains map[string]map[string][]byte // domain, hash of the local part: keys in binary form
}

// Publish makes keys the published ones of an address; without keys there is nothing published any more. What does not belong to the address is left out; a key
// that is not of it is an error, as is one that cannot be written to.
func (d *Directory) Publish(address string, at time.Time, keys ...*pgp.Key) error {
	local, domain, err := split(address)
	if err != nil {
		return err
	}
	var data []byte
	for _, k := range keys {
		if err := k.CanEncrypt(at); err != nil {
			return err
		}
		small, err := k.ForAddress(address, at)
		if err != nil {
			return err
		}
		data = append(data, small.Bytes()...)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(keys) == 0 {
		delete(d.domains[domain], Hash(local))
		return nil
	}
	if d.domains == nil {
		d.domains = map[string]map[string][]byte{}
	}
	if d.domains[domain] == nil {
		d.domains[domain] = map[string][]byte{}
	}
	d.domains[domain][Hash(local)] = data
	return nil
}

// ServeHTTP implements http.Handler.
func (d *Directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*") // keys are public: mail programs in browsers ask too (section 4)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	content, kind, ok := d.find(r)
	if !ok {
		http.Error(w, "there is nothing here", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method == http.MethodGet {
		bytes.NewReader(content).WriteTo(w)
	}
}

func (d *Directory) find(r *http.Request) (content []byte, kind string, ok bool) {
	path, ok := strings.CutPrefix(r.URL.Path, wellKnown)
	if !ok {
		return nil, "", false
	}
	domain := hostOf(r.Host) // the direct method
	if !strings.HasPrefix(path, "hu/") && strings.Contains(path, "/") {
		domain, path, _ = strings.Cut(path, "/") // the advanced one
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	keys, known := d.domains[strings.ToLower(domain)]
	const text = "text/plain; charset=utf-8"
	switch hash, isKey := strings.CutPrefix(path, "hu/"); {
	case !known:
		return nil, "", false
	case isKey && len(hash) == hashLength:
		content, ok = keys[hash]
		return content, "application/octet-stream", ok
	case path == "policy":
		return []byte("# " + domain + "\n"), text, true
	case path == "submission-address" && d.SubmissionAddress != "":
		return fmt.Appendln(nil, d.SubmissionAddress), text, true
	}
	return nil, "", false
}

// hostOf is a Host header without port.
func hostOf(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i]
	}
	return host
}
