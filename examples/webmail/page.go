package main

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

//go:embed page
var page embed.FS

// policy is the Content-Security-Policy of everything served: scripts and styles are files of this server, nothing else is loaded from anywhere, no text becomes markup
// but through DOMPurify. Mail is shown in a frame that inherits it, so a mail can load nothing at all: its pictures are data in the mail itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types dompurify"

// libraries are the files that the page takes from the folder of npm, by the name under which it asks for them. npm ci has compared the packages with the
// hashes in package-lock.json.
var libraries = map[string]string{
	"openpgp.js":   "openpgp/dist/openpgp.min.mjs",
	"dompurify.js": "dompurify/dist/purify.es.mjs",
	"postal-mime":  "postal-mime/dist/esm", // a folder
}

// newHandler serves the page and what it asks for.
func newHandler(m *mail, modules string) (http.Handler, error) {
	for _, file := range libraries {
		if _, err := os.Stat(filepath.Join(modules, file)); err != nil {
			return nil, fmt.Errorf("--modules: %w (run npm ci --ignore-scripts beside package.json)", err)
		}
	}
	files, err := fs.Sub(page, "page")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /lib/{name...}", func(w http.ResponseWriter, r *http.Request) {
		name, rest, _ := strings.Cut(r.PathValue("name"), "/")
		file, ok := libraries[name]
		if !ok || !fs.ValidPath(rest+".") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		http.ServeFile(w, r, filepath.Join(modules, file, filepath.FromSlash(rest)))
	})
	m.routes(mux)
	fromHere := http.NewCrossOriginProtection().Handler(mux) // other sites may not make the browser post anything
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		fromHere.ServeHTTP(w, r)
	}), nil
}
