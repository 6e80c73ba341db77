package passkey_test

import (
	"log"
	"net/http"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/passkey"
)

// A page with a form for the name, and a script that calls navigator.credentials.get.
func Example() {
	users, err := passwd.OpenFile("/var/lib/mail/users")
	if err != nil {
		log.Fatal(err)
	}
	site, err := passkey.New(users, "example.org", "Example Mail", "https://mail.example.org")
	if err != nil {
		log.Fatal(err)
	}
	sessions := map[string][]byte{} // by cookie: the page's own store, with a lock and an end

	http.HandleFunc("POST /login/begin", func(w http.ResponseWriter, r *http.Request) {
		options, session, err := site.BeginLogin()
		if err != nil {
			http.Error(w, "not possible now", http.StatusInternalServerError)
			return
		}
		sessions["cookie"] = session
		w.Write(options)
	})
	http.HandleFunc("POST /login/finish", func(w http.ResponseWriter, r *http.Request) {
		session := sessions["cookie"]
		delete(sessions, "cookie") // once
		user, err := site.FinishLogin(r.Context(), r.FormValue("name"), session, []byte(r.FormValue("answer")))
		if err != nil {
			http.Error(w, "this passkey is not accepted", http.StatusForbidden)
			return
		}
		log.Println("logged in:", user.Name)
	})
}
