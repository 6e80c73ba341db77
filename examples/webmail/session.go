package main

import (
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
)

const (
	cookieName  = "__Host-session"
	maxSessions = 1000             // beyond, nobody can log in
	idleTime    = 30 * time.Minute // without a request, after which a session ends
)

// session is one browser that has logged in: a connection to the IMAP server. The password is not kept.
type session struct {
	user string
	once *time.Timer // ends it

	mu   sync.Mutex // held while a request uses the connection, whose selected mailbox it changes
	imap *imapclient.Client
}

// sessions are those that there are, by the secret in the cookie. The zero value is none.
type sessions struct {
	mu  sync.Mutex // guards the following field
	all map[string]*session
}

var errTooMany = errors.New("too many people are logged in; try again later")

func (x *sessions) add(w http.ResponseWriter, s *session) error {
	secret := rand.Text()
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.all) >= maxSessions {
		return errTooMany
	}
	if x.all == nil {
		x.all = map[string]*session{}
	}
	x.all[secret] = s
	s.once = time.AfterFunc(idleTime, func() { x.remove(secret) })
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: secret, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode})
	return nil
}

// of is the session of a request; nil if there is none.
func (x *sessions) of(r *http.Request) *session {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.all[c.Value]
	if s != nil {
		s.once.Reset(idleTime)
	}
	return s
}

func (x *sessions) remove(secret string) {
	x.mu.Lock()
	s := x.all[secret]
	delete(x.all, secret)
	x.mu.Unlock()
	if s != nil {
		s.once.Stop()
		s.imap.Close()
	}
}
