package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
)

// open opens what a parameter names: a file, @ENV:NAME or @FD:NUMBER (section 4.4).
func open(name string) (io.ReadCloser, error) {
	switch prefix, rest, _ := strings.Cut(name, ":"); {
	case prefix == "@ENV":
		value, ok := os.LookupEnv(rest)
		if !ok {
			return nil, fail(missingInput, "there is no variable %s", rest)
		}
		return io.NopCloser(strings.NewReader(value)), nil
	case prefix == "@FD":
		number, err := strconv.ParseUint(rest, 10, 31)
		if err != nil {
			return nil, fail(missingInput, "%q is no file descriptor", rest)
		}
		return os.NewFile(uintptr(number), name), nil
	case strings.HasPrefix(name, "@"):
		if _, err := os.Stat(name); err == nil {
			return nil, fail(ambiguousInput, "%s may be a file or something special", name)
		}
		return nil, fail(unsupportedPrefix, "%s", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, &failure{missingInput, err}
	}
	return f, nil
}

// maxParameter bounds what parameters name: keys, signatures, passwords.
const maxParameter = 64 << 20

func read(name string) ([]byte, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxParameter))
}

// write writes a file that must not exist yet; @FD:NUMBER is open already.
func write(name string, content []byte) error {
	var f *os.File
	if number, ok := strings.CutPrefix(name, "@FD:"); ok {
		n, err := strconv.ParseUint(number, 10, 31)
		if err != nil {
			return fail(unsupportedPrefix, "%s", name)
		}
		f = os.NewFile(uintptr(n), name)
	} else {
		var err error
		if f, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); errors.Is(err, fs.ErrExist) {
			return &failure{outputExists, err}
		} else if err != nil {
			return err
		}
	}
	_, err := f.Write(content)
	return errors.Join(err, f.Close())
}

// passwords reads passwords; white space at their ends is not part of them (section 4.4).
func passwords(names []string) (all [][]byte, err error) {
	for _, name := range names {
		text, err := read(name)
		if err != nil {
			return nil, err
		}
		all = append(all, bytes.TrimRight(text, " \t\r\n"))
	}
	return all, nil
}

func certificates(names []string) ([]*pgp.Key, error) {
	var all []*pgp.Key
	for _, name := range names {
		text, err := read(name)
		if err != nil {
			return nil, err
		}
		keys, err := pgp.ReadKeys(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, keys...)
	}
	return all, nil
}

// privateKeys reads private keys, and unlocks those that one of the passwords unlocks.
func privateKeys(names, passwordNames []string) ([]*pgp.Key, error) {
	keys, err := certificates(names)
	if err != nil {
		return nil, err
	}
	tries, err := passwords(passwordNames)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		if !k.Private() {
			return nil, fail(badData, "%s is no private key", k.Fingerprint())
		}
		keys[i] = unlock(k, tries)
	}
	return keys, nil
}

func unlock(k *pgp.Key, tries [][]byte) *pgp.Key {
	if !k.Locked() {
		return k
	}
	for _, password := range tries {
		if open, err := k.Unlock(password); err == nil {
			return open
		}
	}
	return k
}

// keys writes keys, armored or not.
func (c console) keys(noArmor bool, keys ...*pgp.Key) error {
	if !noArmor {
		_, err := io.WriteString(c.out, pgp.ArmorKeys(keys...))
		return err
	}
	for _, k := range keys {
		if _, err := c.out.Write(k.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// window is the time in which signatures count.
type window struct {
	NotBefore string `help:"Signatures before this do not count: a time, or - for any."`
	NotAfter  string `help:"Signatures after this do not count: a time, now, or - for any."`
}

// verifications are the lines about good signatures in the window (section 4.5).
func (w window) verifications(signatures []pgp.Signature) (lines []byte, err error) {
	after, err1 := parseTime(w.NotBefore, time.Time{})
	before, err2 := parseTime(w.NotAfter, time.Now().Add(time.Minute))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	for _, s := range signatures {
		if s.Err != nil || s.Created.Before(after) || !before.IsZero() && s.Created.After(before) {
			continue
		}
		mode := "binary"
		if s.Text {
			mode = "text"
		}
		lines = fmt.Appendf(lines, "%s %s %s mode:%s\n", s.Created.UTC().Format(time.RFC3339), s.SignedBy, s.Key.Fingerprint(), mode)
	}
	return lines, nil
}

func parseTime(text string, missing time.Time) (time.Time, error) {
	switch text {
	case "":
		return missing, nil
	case "-":
		return time.Time{}, nil
	case "now":
		return time.Now(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fail(unsupportedOption, "%q is no time", text)
	}
	return t, nil
}
