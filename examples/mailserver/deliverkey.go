package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"sync"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/deliver"
	"github.com/mailhavn/mailhavn/storage"
)

// storeForAll takes in a message once and appends it to every account: encrypted where the account has a key, else as it is. The outcomes are in the order of
// the accounts.
func (s *lmtpServer) storeForAll(ctx context.Context, accounts []*storage.Account, trace string, r io.Reader) (outcomes []error, size int64) {
	outcomes = make([]error, len(accounts))
	var clear []int
	var sinks []func(io.Reader)
	for i, a := range accounts {
		k, err := s.keys.of(a.ID())
		switch {
		case err != nil:
			outcomes[i] = err // a temporary failure: nothing is stored in clear because a key cannot be read
		case k == nil:
			clear = append(clear, i)
		default:
			sinks = append(sinks, func(r io.Reader) { outcomes[i] = storeEncrypted(ctx, a, k, trace, r) })
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

func storeEncrypted(ctx context.Context, a *storage.Account, k *pgp.Key, trace string, r io.Reader) error {
	body := a.NewBody()
	defer body.Close()
	out := bufio.NewWriterSize(body, 64<<10)
	_, err := deliver.Policy{To: []*pgp.Key{k}}.Deliver(ctx, out, io.MultiReader(strings.NewReader(trace), r))
	if err == nil {
		err = out.Flush()
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	return appendBody(ctx, a, body, err)
}
