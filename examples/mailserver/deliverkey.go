package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/mailhavn/mailhavn/imapserver"
	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/deliver"
	"github.com/mailhavn/mailhavn/storage"
)

// storeForAll takes in a message and appends it to every account: encrypted where the storage's hook does that for the account, else once for all. The outcomes are
// in the order of the accounts.
func storeForAll(ctx context.Context, accounts []*storage.Account, trace string, r io.Reader) (outcomes []error, size int64) {
	outcomes = make([]error, len(accounts))
	var clear []int
	var sinks []func(io.Reader)
	for i, a := range accounts {
		body := a.NewDelivery()
		defer body.Close()
		if body.Transformed() {
			sinks = append(sinks, func(r io.Reader) { outcomes[i] = storeAlone(ctx, a, body, trace, r) })
		} else {
			clear = append(clear, i)
		}
	}
	if len(sinks) == 0 && len(clear) == len(accounts) {
		return storeMessage(ctx, accounts, trace, r)
	}
	if len(clear) > 0 {
		sinks = append(sinks, func(r io.Reader) {
			group := make([]*storage.Account, len(clear))
			for i, at := range clear {
				group[i] = accounts[at]
			}
			results, _ := storeMessage(ctx, group, trace, r)
			for i, at := range clear {
				outcomes[at] = results[i]
			}
		})
	}
	return outcomes, fanOut(r, sinks)
}

// fanOut lets every sink read all of r, and returns how much there was. A sink that gives up does not keep the others from reading.
func fanOut(r io.Reader, sinks []func(io.Reader)) int64 {
	var wait sync.WaitGroup
	var writers []io.Writer
	var pipes []*io.PipeWriter
	for _, sink := range sinks {
		in, out := io.Pipe()
		writers, pipes = append(writers, out), append(pipes, out)
		wait.Go(func() {
			sink(in)
			io.Copy(io.Discard, in)
		})
	}
	n, err := io.Copy(io.MultiWriter(writers...), r)
	for _, p := range pipes {
		p.CloseWithError(err) // nil is the end of the message
	}
	wait.Wait()
	return n
}

// storeAlone stores a message that is for one account.
func storeAlone(ctx context.Context, a *storage.Account, body *storage.Body, trace string, r io.Reader) error {
	err := takeIn(body, trace, r)
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	return appendBody(ctx, a, body, err)
}

// transform encrypts what comes in for an account that has a key, before any of it is stored; it is the storage's hook. What cannot be encrypted is refused.
func (f keyFolder) transform(to storage.ID, from storage.Origin, dst io.Writer) (io.WriteCloser, error) {
	k, err := f.of(to)
	switch {
	case err != nil:
		return nil, refusal(err)
	case k == nil, from == storage.Appended && f.deliveriesOnly(to):
		return nil, nil
	}
	w, err := deliver.Policy{To: []*pgp.Key{k}}.Writer(dst)
	if err != nil {
		return nil, refusal(err)
	}
	return w, nil
}

// refusal says to mail programs why a message was not stored; deliveries fail for the time being, and are tried again.
func refusal(err error) error {
	return fmt.Errorf("%w: %w", &imapserver.Error{Code: "CONTACTADMIN", Text: "Not stored: " + refusalText(err)}, err)
}

// refusalText is for users, who do not know more of the server than their key.
func refusalText(err error) string {
	var key *pgp.KeyError
	if errors.As(err, &key) {
		return "your OpenPGP key " + key.Fingerprint + " " + key.Reason.String() + ", so the message cannot be encrypted to it"
	}
	return "your OpenPGP key cannot be read, so the message cannot be encrypted to it"
}
