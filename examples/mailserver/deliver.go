package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mailhavn/mailhavn/storage"
)

const (
	// commitTimeout bounds the wait for the disk; RFC 5321, section 4.5.3.2.6, gives clients 10 minutes of patience.
	commitTimeout = 5 * time.Minute
	// maxCommits is how many recipients of one message are committed at a time; they share syncs.
	maxCommits = 16
)

// deliver stores a message, which follows its trace fields in r, once in the INBOX of each account of the transaction. It returns
// the outcome by account; nil means that the message is durably there.
func (s *lmtpServer) deliver(ctx context.Context, tx *transaction, trace string, r io.Reader) map[string]error {
	results := map[string]error{}
	var accounts []*storage.Account
	var names []string
	for _, to := range tx.to {
		if _, seen := results[to.account]; seen {
			continue
		}
		a, err := s.unit.OpenAccount(ctx, to.account)
		if results[to.account] = err; err == nil {
			defer a.Close()
			accounts, names = append(accounts, a), append(names, to.account)
		}
	}
	if len(accounts) == 0 {
		return results
	}
	began := time.Now()
	outcomes, size := storeForAll(ctx, accounts, trace, r)
	for i, name := range names {
		results[name] = outcomes[i]
		if err := outcomes[i]; err != nil {
			s.logger.Warn("lmtp: not delivered", "from", tx.from, "account", name, "bytes", size, "error", err)
		} else {
			s.logger.Info("lmtp: delivered", "from", tx.from, "account", name, "bytes", size, "took", time.Since(began))
		}
	}
	return results
}

// takeIn writes a message to a body.
func takeIn(body *storage.Body, trace string, r io.Reader) error {
	out := bufio.NewWriterSize(body, 64<<10)
	if _, err := io.WriteString(out, trace); err != nil {
		return err
	}
	if _, err := io.Copy(out, r); err != nil {
		return err
	}
	return out.Flush()
}

// storeMessage takes in a message once and appends it to every account. The outcomes are in the order of the accounts.
func storeMessage(ctx context.Context, accounts []*storage.Account, trace string, r io.Reader) (outcomes []error, size int64) {
	outcomes = make([]error, len(accounts))
	body := accounts[0].NewDelivery()
	defer body.Close()
	if err := takeIn(body, trace, r); err != nil {
		for i := range outcomes {
			outcomes[i] = err
		}
		return outcomes, body.Size()
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	var wait sync.WaitGroup
	turns := make(chan struct{}, maxCommits)
	for i, a := range accounts[1:] {
		turns <- struct{}{}
		copied, err := body.For(a)
		wait.Go(func() {
			defer func() { <-turns }()
			outcomes[i+1] = appendBody(ctx, a, copied, err)
			if copied != nil {
				copied.Close()
			}
		})
	}
	// Only now may the first account have the bytes for itself.
	outcomes[0] = appendBody(ctx, accounts[0], body, nil)
	wait.Wait()
	return outcomes, body.Size()
}

// appendBody adds a message to the INBOX, unless making it has failed already.
func appendBody(ctx context.Context, a *storage.Account, body *storage.Body, err error) error {
	if err != nil {
		return err
	}
	inbox, err := a.Mailbox("INBOX")
	if err != nil {
		return err
	}
	_, err = inbox.Append(ctx, storage.NewMessage{Body: body})
	return err
}

// Replies. Temporary ones have the client keep the message and come again: nothing but a wrong address or size is final.
var replies = []struct {
	err   error
	reply smtp.SMTPError
}{
	{storage.ErrNoAccount, smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such account here"}},
	{storage.ErrNoSpace, smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "The disk is full, try again later"}},
	{errTooLarge, smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "The message is too large"}},
	{smtp.ErrDataTooLarge, smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "The message is too large"}},
	{storage.ErrLimit, smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "The mailbox takes no more messages"}},
}

var (
	errLMTPTemporary = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Temporary failure, try again later"}
	errNeedsUTF8     = &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 6, 7}, Message: "Such an address needs SMTPUTF8"}
)

// reply turns an outcome into what the client is told; details stay in the log.
func reply(err error) error {
	if err == nil {
		return nil
	}
	for i := range replies {
		if errors.Is(err, replies[i].err) {
			return &replies[i].reply
		}
	}
	return errLMTPTemporary
}
