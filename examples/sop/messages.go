package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/mailhavn/mailhavn/pgp"
)

type signCommand struct {
	NoArmor         bool     `help:"Write binary data."`
	As              string   `default:"binary" help:"binary or text."`
	MicalgOut       string   `help:"Write the name of the hash algorithm to this file."`
	WithKeyPassword []string `help:"Files with passwords of the keys."`
	Keys            []string `arg:"" optional:"" help:"Files with private keys."`
}

// signer prepares what sign and inline-sign share.
func signer(as string, noArmor bool, keyNames, passwordNames []string) (pgp.Signer, error) {
	if as != "binary" && as != "text" {
		return pgp.Signer{}, fail(unsupportedOption, "--as=%s", as)
	}
	if len(keyNames) == 0 {
		return pgp.Signer{}, fail(missingArgument, "a private key is missing")
	}
	keys, err := privateKeys(keyNames, passwordNames)
	return pgp.Signer{Keys: keys, Text: as == "text", Binary: noArmor}, err
}

// transfer copies what is read to a writer that is to be closed.
func (c console) transfer(w io.WriteCloser, err error) error {
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, c.in); err != nil {
		return err
	}
	return w.Close()
}

func (s *signCommand) Run(c console) error {
	sign, err := signer(s.As, s.NoArmor, s.Keys, s.WithKeyPassword)
	if err != nil {
		return err
	}
	var signature buffer
	if err := c.transfer(sign.Detached(&signature)); err != nil {
		return refused(err, keyCannotSign)
	}
	if s.MicalgOut != "" {
		micalg, err := pgp.SignatureHash(signature)
		if err != nil {
			return err
		}
		if err := write(s.MicalgOut, []byte(micalg)); err != nil {
			return err
		}
	}
	_, err = c.out.Write(signature)
	return err
}

type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

type inlineSignCommand struct {
	NoArmor         bool     `help:"Write binary data."`
	As              string   `default:"binary" help:"binary or text."`
	WithKeyPassword []string `help:"Files with passwords of the keys."`
	Keys            []string `arg:"" optional:"" help:"Files with private keys."`
}

func (s *inlineSignCommand) Run(c console) error {
	sign, err := signer(s.As, s.NoArmor, s.Keys, s.WithKeyPassword)
	if err != nil {
		return err
	}
	return refused(c.transfer(sign.Message(c.out)), keyCannotSign)
}

type verifyCommand struct {
	window
	Signatures string   `arg:"" help:"File with signatures."`
	Certs      []string `arg:"" optional:"" help:"Files with certificates."`
}

func (v *verifyCommand) Run(c console) error {
	signatures, err := read(v.Signatures)
	if err != nil {
		return err
	}
	certs, err := certificates(v.Certs)
	if err != nil {
		return err
	}
	if len(certs) == 0 {
		return fail(missingArgument, "a certificate is missing")
	}
	found, err := pgp.Verifier{Keys: certs}.Detached(context.Background(), c.in, signatures)
	if err != nil {
		return err
	}
	return v.report(c.out, found)
}

// report writes the good signatures; none is a failure.
func (w window) report(out io.Writer, found []pgp.Signature) error {
	lines, err := w.verifications(found)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		for _, s := range found {
			if s.Err != nil {
				return fail(noSignature, "no good signature: %w", s.Err)
			}
		}
		return fail(noSignature, "no signature of that time")
	}
	_, err = out.Write(lines)
	return err
}

type inlineVerifyCommand struct {
	window
	VerificationsOut string   `help:"Write a line for each good signature to this file."`
	Certs            []string `arg:"" optional:"" help:"Files with certificates."`
}

func (v *inlineVerifyCommand) Run(c console) error {
	certs, err := certificates(v.Certs)
	if err != nil {
		return err
	}
	if len(certs) == 0 {
		return fail(missingArgument, "a certificate is missing")
	}
	m, err := pgp.Verifier{Keys: certs}.Message(context.Background(), c.in)
	if err != nil {
		return err
	}
	defer m.Close()
	var lines buffer
	if err := v.report(&lines, m.Signatures); err != nil {
		return err
	}
	if v.VerificationsOut != "" {
		if err := write(v.VerificationsOut, lines); err != nil {
			return err
		}
	}
	_, err = io.Copy(c.out, m.Reader())
	return err
}

type encryptCommand struct {
	NoArmor         bool     `help:"Write binary data."`
	As              string   `default:"binary" help:"binary or text."`
	Profile         string   `default:"default" help:"See list-profiles."`
	WithPassword    []string `help:"Files with passwords that open the message."`
	SignWith        []string `help:"Files with private keys."`
	WithKeyPassword []string `help:"Files with passwords of the private keys."`
	Certs           []string `arg:"" optional:"" help:"Files with certificates."`
}

func (e *encryptCommand) Run(c console) error {
	if e.Profile != "default" {
		return fail(unsupportedProfile, "there is no profile %s", e.Profile)
	}
	if e.As != "binary" && e.As != "text" {
		return fail(unsupportedOption, "--as=%s", e.As)
	}
	certs, err := certificates(e.Certs)
	if err != nil {
		return err
	}
	open, err := passwords(e.WithPassword)
	if err != nil {
		return err
	}
	if len(certs)+len(open) == 0 {
		return fail(missingArgument, "a certificate or password is missing")
	}
	signers, err := privateKeys(e.SignWith, e.WithKeyPassword)
	if err != nil {
		return err
	}
	for _, k := range signers {
		if err := k.CanSign(time.Time{}); err != nil {
			return refused(err, keyCannotSign)
		}
	}
	enc := pgp.Encrypter{To: certs, Passwords: open, Signers: signers, Binary: e.NoArmor}
	return refused(c.transfer(enc.Encrypt(c.out)), certCannotEncrypt)
}

type decryptCommand struct {
	SessionKeyOut    string   `help:"Write the session key to this file."`
	WithSessionKey   []string `help:"Files with session keys."`
	WithPassword     []string `help:"Files with passwords that open the message."`
	WithKeyPassword  []string `help:"Files with passwords of the private keys."`
	VerifyWith       []string `help:"Files with certificates."`
	VerificationsOut string   `aliases:"verify-out" help:"Write a line for each good signature to this file."`
	VerifyNotBefore  string   `help:"Signatures before this do not count."`
	VerifyNotAfter   string   `help:"Signatures after this do not count."`
	Keys             []string `arg:"" optional:"" help:"Files with private keys."`
}

func (d *decryptCommand) Run(c console) error {
	if (len(d.VerifyWith) > 0) != (d.VerificationsOut != "") {
		return fail(incompatibleOptions, "--verify-with and --verifications-out belong together")
	}
	decrypter, err := d.decrypter()
	if err != nil {
		return err
	}
	m, err := decrypter.Decrypt(context.Background(), c.in)
	if err != nil {
		return err
	}
	defer m.Close()
	if d.SessionKeyOut != "" {
		if err := write(d.SessionKeyOut, fmt.Appendln(nil, m.SessionKey)); err != nil {
			return err
		}
	}
	if d.VerificationsOut != "" {
		lines, err := window{d.VerifyNotBefore, d.VerifyNotAfter}.verifications(m.Signatures)
		if err != nil {
			return err
		}
		if err := write(d.VerificationsOut, lines); err != nil {
			return err
		}
	}
	_, err = io.Copy(c.out, m.Reader())
	return err
}

func (d *decryptCommand) decrypter() (result pgp.Decrypter, err error) {
	if len(d.Keys)+len(d.WithPassword)+len(d.WithSessionKey) == 0 {
		return result, fail(missingArgument, "a private key, password or session key is missing")
	}
	if result.Keys, err = privateKeys(d.Keys, d.WithKeyPassword); err != nil {
		return result, err
	}
	if result.Verify, err = certificates(d.VerifyWith); err != nil {
		return result, err
	}
	if result.Passwords, err = passwords(d.WithPassword); err != nil {
		return result, err
	}
	for _, name := range d.WithSessionKey {
		text, err := read(name)
		if err != nil {
			return result, err
		}
		key, err := pgp.ParseSessionKey(string(text))
		if err != nil {
			return result, &failure{badData, err}
		}
		result.SessionKeys = append(result.SessionKeys, key)
	}
	return result, nil
}

type armorCommand struct {
	Label string `default:"auto" help:"auto, sig, key, cert or message."`
}

// labels are the labels of blocks by the type of their first packet (RFC 9580, sections 5 and 6.2).
var labels = map[byte]string{2: "PGP SIGNATURE", 5: "PGP PRIVATE KEY BLOCK", 6: "PGP PUBLIC KEY BLOCK"}

func (a *armorCommand) Run(c console) error {
	data, err := io.ReadAll(io.LimitReader(c.in, maxParameter))
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return fail(badData, "there is nothing")
	}
	if data[0]&0x80 == 0 { // it is armored
		_, err := c.out.Write(data)
		return err
	}
	tag := data[0] & 63
	if data[0]&0x40 == 0 {
		tag = data[0] >> 2 & 15
	}
	label, ok := labels[tag]
	if !ok {
		label = "PGP MESSAGE"
	}
	named := map[string]string{"auto": label, "sig": labels[2], "key": labels[5], "cert": labels[6], "message": "PGP MESSAGE"}
	if label, ok = named[a.Label]; !ok {
		return fail(unsupportedOption, "--label=%s", a.Label)
	}
	w, err := armor.Encode(c.out, label, nil)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out)
	return err
}

type dearmorCommand struct{}

func (dearmorCommand) Run(c console) error {
	data, err := io.ReadAll(io.LimitReader(c.in, maxParameter))
	if err != nil {
		return err
	}
	if len(data) > 0 && data[0]&0x80 != 0 { // it is binary
		_, err := c.out.Write(data)
		return err
	}
	block, err := armor.Decode(bytes.NewReader(data))
	if err != nil {
		return &failure{badData, err}
	}
	_, err = io.Copy(c.out, block.Body)
	return err
}
