package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/mailhavn/mailhavn/tlspolicy/audit"
)

type tlsCheckCommand struct {
	Address     string         `arg:"" help:"HOST:PORT of the service."`
	Protocol    audit.Protocol `name:"protocol" placeholder:"NAME" help:"What is spoken there: tls, https, imaps, pop3s, smtps, or with STARTTLS imap, pop3, smtp, lmtp, managesieve (default: what belongs to the port)."`
	Name        string         `name:"name" placeholder:"NAME" help:"Name that the certificate must have (default: the host)."`
	Also        []string       `name:"also" placeholder:"NAME" help:"More names to ask for certificates."`
	Others      []string       `name:"other" placeholder:"HOST:PORT" help:"More services at which a session begun here should not go on."`
	CA          string         `name:"ca" placeholder:"FILE" help:"Authorities that clients trust, PEM, instead of those of this system."`
	AllNumbers  bool           `name:"all-numbers" help:"Try all 65,536 numbers of cipher suites and groups, not only the registered ones."`
	CAA         bool           `name:"caa" negatable:"" default:"true" help:"Ask DNS which authorities may issue for the name."`
	FailAt      audit.Severity `name:"fail-at" placeholder:"LEVEL" default:"low" help:"Exit status 1 for findings from here on: info, low, medium, high or critical (default: low)."`
	Concurrency int            `name:"concurrency" placeholder:"N" default:"4" help:"Connections at a time."`
	Timeout     time.Duration  `name:"timeout" placeholder:"TIME" default:"10s" help:"For each connection."`
	JSON        bool           `name:"json" help:"Print the report as JSON."`
	HTML        string         `name:"html" placeholder:"FILE" help:"Write the report as a page that needs nothing else."`
}

// Run prints the report. What could not be looked at counts like a finding: nobody shall take it for good.
func (x *tlsCheckCommand) Run(c *console) error {
	o := audit.Options{Protocol: x.Protocol, Name: x.Name, Names: x.Also, Others: x.Others, AllNumbers: x.AllNumbers, Concurrency: x.Concurrency, Timeout: x.Timeout}
	if x.CAA {
		o.CAA = hasCAA
	}
	if x.CA != "" {
		pem, err := os.ReadFile(x.CA)
		if err != nil {
			return fmt.Errorf("ca: %w", err)
		}
		o.Roots = x509.NewCertPool()
		if !o.Roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca: %s: no certificate in PEM", x.CA)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := audit.Run(ctx, x.Address, o)
	if err != nil {
		return err
	}
	if x.HTML != "" {
		if err := writePage(x.HTML, report.HTML); err != nil {
			return err
		}
	}
	if x.JSON {
		out := json.NewEncoder(c.out)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		err = report.Text(c.out)
	}
	if err == nil && (len(report.Unknown) > 0 || len(report.Findings) > 0 && report.Worst() >= x.FailAt) {
		err = errFindings
	}
	return err
}

// hasCAA asks the first resolver of this system that answers.
func hasCAA(ctx context.Context, name string) (bool, error) {
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return false, err
	}
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeCAA)
	err = errors.New("/etc/resolv.conf names no resolver")
	for _, server := range config.Servers {
		var answer *dns.Msg
		answer, _, err = new(dns.Client).ExchangeContext(ctx, question, net.JoinHostPort(server, config.Port))
		switch {
		case err != nil:
		case answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError:
			err = fmt.Errorf("the resolver answers %s", dns.RcodeToString[answer.Rcode])
		default:
			for _, record := range answer.Answer {
				if _, ok := record.(*dns.CAA); ok {
					return true, nil
				}
			}
			return false, nil
		}
	}
	return false, err
}
