package wkd_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/wkd"
)

// FuzzDirectory asks for any path on any host: only what was published comes out, under its own name, and HEAD tells the same as GET.
func FuzzDirectory(f *testing.F) {
	text, err := os.Open("../testdata/fuzz.key")
	if err != nil {
		f.Fatal(err)
	}
	keys, err := pgp.ReadKeys(text)
	if err != nil {
		f.Fatal(err)
	}
	at := time.Now()
	var directory wkd.Directory
	address := keys[0].Emails(at)[0]
	if err := directory.Publish(address, at, keys...); err != nil {
		f.Fatal(err)
	}
	local, domain, _ := strings.Cut(address, "@")
	f.Add("GET", domain, "/.well-known/openpgpkey/hu/"+wkd.Hash(local))
	f.Add("GET", "openpgpkey."+domain, "/.well-known/openpgpkey/"+domain+"/hu/"+wkd.Hash(local))
	f.Add("HEAD", domain+":443", "/.well-known/openpgpkey/policy")
	f.Add("POST", "[::1]:", "/.well-known/openpgpkey//hu/")
	f.Fuzz(func(t *testing.T, method, host, path string) {
		ask := func(method string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			directory.ServeHTTP(w, &http.Request{Method: method, Host: host, URL: &url.URL{Path: path}})
			return w
		}
		w := ask(method)
		if w.Code != http.StatusOK {
			return
		}
		if w.Header().Get("Content-Type") == "application/octet-stream" {
			if !strings.HasSuffix(path, "/hu/"+wkd.Hash(local)) || !strings.Contains(strings.ToLower(host+path), domain) {
				t.Errorf("%s %s answers with the key", host, path)
			}
			if method == http.MethodGet && (bytes.Contains(w.Body.Bytes(), []byte("PRIVATE")) || w.Body.Len() == 0) {
				t.Errorf("%q", w.Body)
			}
		}
		get, head := ask(http.MethodGet), ask(http.MethodHead)
		if head.Body.Len() != 0 || head.Header().Get("Content-Length") != get.Header().Get("Content-Length") {
			t.Errorf("HEAD %v, GET %v", head.Header(), get.Header())
		}
	})
}

// FuzzHash takes any local part: the name is always one element of a path.
func FuzzHash(f *testing.F) {
	f.Add("Joe.Doe")
	f.Fuzz(func(t *testing.T, local string) {
		h := wkd.Hash(local)
		if len(h) != 32 || strings.Trim(h, "ybndrfg8ejkmcpqxot1uwisza345h769") != "" {
			t.Errorf("%q", h)
		}
	})
}
