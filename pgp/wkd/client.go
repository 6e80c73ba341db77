package wkd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
)

// Client looks for keys. The zero value is ready; it may be used by several goroutines.
type Client struct {
	// HTTP does the requests; nil is a client of its own, which never talks to addresses of private networks. Redirections go over HTTPS only.
	HTTP *http.Client

	// Resolve finds out whether a host exists; nil is net.DefaultResolver.LookupHost.
	Resolve func(ctx context.Context, host string) ([]string, error)
}

// Bounds of an answer, and of asking.
const (
	maxAnswer    = 256 << 10
	maxRedirects = 3
	timeout      = 30 * time.Second
)

// Lookup gives the keys that the domain of an address publishes for it, with nothing but what belongs to the address. Some may be unusable: [pgp.Key.CanEncrypt] says so.
// [ErrNotFound] says that there is none; other errors say that it could not be found out.
func (c Client) Lookup(ctx context.Context, address string) ([]*pgp.Key, error) {
	local, domain, err := split(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	url, err := c.method(ctx, local, domain)
	if err != nil {
		return nil, err
	}
	answer, err := c.get(ctx, url)
	if err != nil {
		return nil, err
	}
	all, err := pgp.ReadKeys(bytes.NewReader(answer))
	if err != nil {
		return nil, fmt.Errorf("wkd: %s: %w", domain, err)
	}
	var keys []*pgp.Key
	for _, k := range all { // whatever else is in the answer, it is not about this address
		if k, err := k.ForAddress(address, time.Now()); err == nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: those of %s are of other addresses, or cannot be used", ErrNotFound, domain)
	}
	return keys, nil
}

// method chooses by DNS: where there is the host of the advanced method, the direct one must not be used (section 3.1).
func (c Client) method(ctx context.Context, local, domain string) (string, error) {
	resolve := c.Resolve
	if resolve == nil {
		resolve = net.DefaultResolver.LookupHost
	}
	_, err := resolve(ctx, advancedHost(domain))
	var dns *net.DNSError
	switch {
	case err == nil:
		return advancedURL(local, domain), nil
	case errors.As(err, &dns) && dns.IsNotFound:
		return directURL(local, domain), nil
	}
	return "", fmt.Errorf("wkd: %w", err)
}

func (c Client) get(ctx context.Context, url string) ([]byte, error) {
	client := http.Client{Transport: publicOnly()}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != "https" || len(via) > maxRedirects {
			return fmt.Errorf("wkd: a redirection to %s is not followed", r.URL.Host)
		}
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("wkd: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("wkd: %w", err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, ErrNotFound
	default:
		return nil, fmt.Errorf("wkd: %s answers %s", request.URL.Host, response.Status)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("wkd: %w", err)
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("wkd: %s answers with more than %d octets", request.URL.Host, maxAnswer)
	}
	return answer, nil
}

// publicOnly keeps a stranger's address from making us ask machines inside our own network. It is for one lookup.
func publicOnly() *http.Transport {
	dialer := net.Dialer{ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		host, _, err := net.SplitHostPort(address)
		ip := net.ParseIP(strings.Split(host, "%")[0])
		if err != nil || ip == nil || !ip.IsGlobalUnicast() || ip.IsPrivate() {
			return fmt.Errorf("wkd: %s is not a public address", host)
		}
		return nil
	}}
	return &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, DisableKeepAlives: true}
}
