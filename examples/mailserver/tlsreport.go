package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/certs"
	"github.com/mailhavn/mailhavn/tlspolicy/lint"
)

type tlsReportCommand struct {
	Config string `name:"config" placeholder:"FILE" help:"TOML file of mailserver serve; options win."`
	Cert   string `name:"cert" placeholder:"FILE" help:"Certificate chain, PEM."`
	Key    string `name:"key" placeholder:"FILE" help:"Private key of the certificate, PEM."`
	Certs  string `name:"certs" placeholder:"DIR" help:"Folder of certificates, as ACME clients leave them."`
	HTML   string `name:"html" placeholder:"FILE" help:"Write the report as a page with a timeline, which needs nothing else."`
	dataFlag
}

// Run reports every certificate that the settings name, also those that the server would not serve.
func (x *tlsReportCommand) Run(c *console) error {
	s, err := settings{Data: x.Data, Cert: x.Cert, Key: x.Key, Certs: x.Certs}.resolve(x.Config)
	if err != nil {
		return err
	}
	reports, err := s.certificates()
	if err != nil {
		return err
	}
	if x.HTML != "" {
		write := func(w io.Writer) error { return lint.HTML(w, reports, time.Now()) }
		if err := writePage(x.HTML, write); err != nil {
			return err
		}
	}
	if err := lint.Text(c.out, reports); err != nil {
		return err
	}
	for _, r := range reports {
		if r.Err() != nil {
			return errFindings
		}
	}
	return nil
}

// certificates judges all certificates that the settings name.
func (s settings) certificates() (reports []*lint.Report, err error) {
	policy, err := s.policy()
	if err != nil {
		return nil, err
	}
	pairs, err := s.pairs()
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		r, err := lint.File(p.Cert, s.lint())
		if errors.Is(err, fs.ErrNotExist) && s.selfSigned() {
			return nil, errors.New("there is no certificate yet; the server makes a self-signed one when it starts first")
		}
		if err != nil {
			return nil, err
		}
		cert, err := tlspolicy.Load(p.Cert, p.Key)
		if err == nil {
			_, err = policy.Admit(cert)
		}
		if problem := new(tlspolicy.CertificateError); errors.As(err, &problem) && problem.Problem != tlspolicy.Expired && problem.Problem != tlspolicy.NotYetValid {
			// What the calendar says is a lint already.
			r.Findings = append([]lint.Finding{{Name: "not-served", Level: lint.Error, Detail: problem.Error(), Fix: "until then the server does not serve it"}}, r.Findings...)
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// pairs are the files of all certificates that the settings name.
func (s settings) pairs() ([]certs.Pair, error) {
	var pairs []certs.Pair
	if s.Cert != "" {
		pairs = append(pairs, certs.Pair{Cert: s.Cert, Key: s.Key})
	}
	found, err := certs.Find(s.folders(s.Data)...)
	if err != nil {
		return nil, err
	}
	pairs = append(pairs, found...)
	if s.selfSigned() {
		file := selfSignedFile(s.Data)
		pairs = append(pairs, certs.Pair{Cert: file, Key: file})
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("no certificate with a key beside it in %q", s.folders(s.Data))
	}
	return pairs, nil
}
