package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	netmail "net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"github.com/mailhavn/mailhavn/pgp/wkd"
)

const (
	pageSize      = 50       // messages in one answer
	maxMessage    = 32 << 20 // bytes to send
	maxRecipients = 100
)

// mail answers what the page asks for. Its functions are set before it is used.
type mail struct {
	dial  func() (*imapclient.Client, error)
	agent func() (*smtp.Client, error)
	wkd   wkd.Client

	sessions sessions
}

func (m *mail) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/login", m.login)
	mux.HandleFunc("POST /api/logout", m.logout)
	for path, f := range map[string]func(*session, *http.Request) (any, error){
		"GET /api/session":   func(s *session, _ *http.Request) (any, error) { return map[string]string{"user": s.user}, nil },
		"GET /api/mailboxes": mailboxes,
		"GET /api/messages":  messages,
		"GET /api/message":   message,
		"GET /api/key":       m.key,
		"POST /api/send":     m.send,
	} {
		mux.HandleFunc(path, m.inSession(f))
	}
}

// refusal is an error that the user is told.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// inSession serves what needs a session. The answer is JSON, or bytes as they are.
func (m *mail) inSession(f func(*session, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := m.sessions.of(r)
		if s == nil {
			fail(w, &refusal{http.StatusUnauthorized, "log in first"})
			return
		}
		s.mu.Lock()
		answer, err := f(s, r)
		s.mu.Unlock()
		if err != nil {
			fail(w, err)
			return
		}
		if raw, ok := answer.([]byte); ok {
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Write(raw)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer)
	}
}

// fail tells what the user can understand, and logs the rest.
func fail(w http.ResponseWriter, err error) {
	var told *refusal
	var imapError *imap.Error
	switch {
	case errors.As(err, &told):
	case errors.As(err, &imapError):
		told = &refusal{http.StatusBadGateway, "the mail server says: " + imapError.Text}
	default:
		slog.Warn("request failed", "error", err)
		told = &refusal{http.StatusBadGateway, "the mail server does not answer as it should; log in again"}
	}
	http.Error(w, told.text, told.status)
}

func (m *mail) login(w http.ResponseWriter, r *http.Request) {
	var who struct{ User, Password string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&who); err != nil {
		fail(w, &refusal{http.StatusBadRequest, "not a login"})
		return
	}
	c, err := m.dial()
	if err != nil {
		fail(w, err)
		return
	}
	err = c.Login(who.User, who.Password).Wait()
	if err == nil {
		err = m.sessions.add(w, &session{user: strings.ToLower(who.User), imap: c})
	}
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	c.Close()
	var refused *imap.Error
	if errors.As(err, &refused) {
		err = &refusal{http.StatusForbidden, refused.Text}
	} else if errors.Is(err, errTooMany) {
		err = &refusal{http.StatusServiceUnavailable, err.Error()}
	}
	fail(w, err)
}

func (m *mail) logout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		m.sessions.remove(c.Value)
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode})
	w.WriteHeader(http.StatusNoContent)
}

func mailboxes(s *session, _ *http.Request) (any, error) {
	list, err := s.imap.List("", "*", nil).Collect()
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, x := range list {
		if !slices.Contains(x.Attrs, imap.MailboxAttrNoSelect) {
			names = append(names, x.Mailbox)
		}
	}
	return names, nil
}

// line is a message in the list. Of an encrypted one the subject is what stays visible.
type line struct {
	UID     imap.UID  `json:"uid"`
	Number  uint32    `json:"number"` // in the mailbox
	From    string    `json:"from"`
	Subject string    `json:"subject"`
	Date    time.Time `json:"date"`
	Seen    bool      `json:"seen"`
}

// messages lists the newest of a mailbox, or those before a number.
func messages(s *session, r *http.Request) (any, error) {
	box, err := s.imap.Select(r.FormValue("mailbox"), &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return nil, err
	}
	lines := []line{}
	last := box.NumMessages
	if before, err := strconv.ParseUint(r.FormValue("before"), 10, 32); err == nil && before > 0 {
		last = min(last, uint32(before)-1)
	}
	if last == 0 {
		return lines, nil
	}
	first := max(1, int64(last)-pageSize+1)
	list, err := s.imap.Fetch(imap.SeqSet{{Start: uint32(first), Stop: last}}, &imap.FetchOptions{UID: true, Flags: true, Envelope: true, InternalDate: true}).Collect()
	if err != nil {
		return nil, err
	}
	for _, x := range list {
		l := line{UID: x.UID, Number: x.SeqNum, Date: x.InternalDate, Seen: slices.Contains(x.Flags, imap.FlagSeen)}
		if x.Envelope != nil {
			l.Subject = x.Envelope.Subject
			if len(x.Envelope.From) > 0 {
				l.From = cmp.Or(x.Envelope.From[0].Name, x.Envelope.From[0].Addr())
			}
		}
		lines = append(lines, l)
	}
	slices.Reverse(lines)
	return lines, nil
}

// message gives one as it is, and marks it as seen.
func message(s *session, r *http.Request) (any, error) {
	uid, err := strconv.ParseUint(r.FormValue("uid"), 10, 32)
	if err != nil || uid == 0 {
		return nil, &refusal{http.StatusBadRequest, "uid is no number"}
	}
	if _, err := s.imap.Select(r.FormValue("mailbox"), nil).Wait(); err != nil {
		return nil, err
	}
	whole := &imap.FetchItemBodySection{}
	list, err := s.imap.Fetch(imap.UIDSetNum(imap.UID(uid)), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, &refusal{http.StatusNotFound, "the message is not there any more"}
	}
	return list[0].FindBodySection(whole), nil
}

// key looks for the key of an address in the Web Key Directory of its domain.
func (m *mail) key(_ *session, r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	keys, err := m.wkd.Lookup(ctx, r.FormValue("address"))
	if err != nil {
		return nil, &refusal{http.StatusNotFound, "no key is published for " + r.FormValue("address")}
	}
	armored := []string{}
	for _, k := range keys {
		if k.CanEncrypt(time.Now()) == nil {
			armored = append(armored, k.Armor())
		}
	}
	return armored, nil
}

// send gives a message to the mail transfer agent, in the name of the user, and keeps a copy in Sent.
func (m *mail) send(s *session, r *http.Request) (any, error) {
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxMessage))
	if err != nil {
		return nil, &refusal{http.StatusRequestEntityTooLarge, "the message is too large"}
	}
	parsed, err := netmail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "not a message"}
	}
	if from, err := netmail.ParseAddress(parsed.Header.Get("From")); err != nil || !strings.EqualFold(from.Address, s.user) {
		return nil, &refusal{http.StatusBadRequest, "From must be " + s.user}
	}
	to, err := parsed.Header.AddressList("To")
	if err != nil || len(to) > maxRecipients {
		return nil, &refusal{http.StatusBadRequest, "To has no addresses, or too many"}
	}
	agent, err := m.agent()
	if err != nil {
		return nil, err
	}
	defer agent.Close()
	addresses := []string{}
	for _, a := range to {
		addresses = append(addresses, a.Address)
	}
	var refused *smtp.SMTPError
	if err := agent.SendMail(s.user, addresses, bytes.NewReader(text)); errors.As(err, &refused) {
		return nil, &refusal{http.StatusBadGateway, "not sent: " + refused.Message}
	} else if err != nil {
		return nil, err
	}
	return map[string]bool{"copied": s.keepCopy(text)}, nil
}

// keepCopy tells whether the message is in Sent now. It is sent already, so nothing else may be made of a failure.
func (s *session) keepCopy(text []byte) bool {
	w := s.imap.Append("Sent", int64(len(text)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}})
	w.Write(text)
	w.Close()
	_, err := w.Wait()
	if err != nil {
		slog.Warn("no copy of a message that was sent", "user", s.user, "error", err)
	}
	return err == nil
}
