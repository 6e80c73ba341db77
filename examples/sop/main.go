// Command sop is the Stateless OpenPGP Command Line Interface (draft-dkg-openpgp-stateless-cli) over package pgp: what scripts need of OpenPGP, and what the public
// interoperability test suite of OpenPGP runs. It keeps nothing and asks nobody.
//
// Not there: inline-detach, cleartext signatures (inline-sign --as=clearsigned; they are verified), keys with several user IDs.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/mailhavn/mailhavn/pgp"
)

// grammar is the command line.
type grammar struct {
	Version           versionCommand        `cmd:"" help:"Print the version."`
	ListProfiles      listProfilesCommand   `cmd:"" help:"List the profiles of a subcommand."`
	GenerateKey       generateKeyCommand    `cmd:"" help:"Make a private key."`
	ChangeKeyPassword changePasswordCommand `cmd:"" help:"Change the password of private keys."`
	RevokeKey         revokeKeyCommand      `cmd:"" help:"Make certificates of private keys that revoke them."`
	ExtractCert       extractCertCommand    `cmd:"" help:"Make certificates of private keys."`
	MergeCerts        mergeCertsCommand     `cmd:"" help:"Add to certificates what others know of them."`
	Sign              signCommand           `cmd:"" help:"Make detached signatures."`
	Verify            verifyCommand         `cmd:"" help:"Verify detached signatures."`
	Encrypt           encryptCommand        `cmd:"" help:"Encrypt a message."`
	Decrypt           decryptCommand        `cmd:"" help:"Decrypt a message."`
	InlineSign        inlineSignCommand     `cmd:"" help:"Make a signed message."`
	InlineVerify      inlineVerifyCommand   `cmd:"" help:"Verify a signed message."`
	Armor             armorCommand          `cmd:"" help:"Convert binary OpenPGP data to ASCII."`
	Dearmor           dearmorCommand        `cmd:"" help:"Convert ASCII OpenPGP data to binary."`
}

// failure is an error with the exit status that the draft gives it (section 7).
type failure struct {
	status int
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// The statuses of failures that commands find out themselves.
const (
	noSignature          = 3
	missingArgument      = 19
	cannotDecrypt        = 29
	unsupportedOption    = 37
	badData              = 41
	outputExists         = 59
	missingInput         = 61
	unsupportedCommand   = 69
	unsupportedPrefix    = 71
	ambiguousInput       = 73
	incompatibleOptions  = 83
	unsupportedProfile   = 89
	keyIsProtected       = 67
	certCannotEncrypt    = 17
	keyCannotSign        = 79
	unspecified          = 1
	unsupportedAlgorithm = 13
)

func fail(status int, format string, args ...any) error {
	return &failure{status, fmt.Errorf(format, args...)}
}

// statuses gives errors of package pgp their exit status; the first that fits counts.
var statuses = []struct {
	err    error
	status int
}{
	{pgp.ErrLocked, keyIsProtected}, {pgp.ErrNotSigned, noSignature}, {pgp.ErrNoKey, cannotDecrypt}, {pgp.ErrUnsupported, unsupportedAlgorithm},
	{pgp.ErrMalformed, badData}, {pgp.ErrIntegrity, badData}, {pgp.ErrUnprotected, badData}, {pgp.ErrNotEncrypted, badData}, {pgp.ErrTooLarge, badData},
	{pgp.ErrTooMany, badData},
}

func statusOf(err error) int {
	var own *failure
	if errors.As(err, &own) {
		return own.status
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.status
		}
	}
	return unspecified
}

// refused gives the refusal of a key the status of its use.
func refused(err error, status int) error {
	var key *pgp.KeyError
	if errors.As(err, &key) {
		return &failure{status, err}
	}
	return err
}

// console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

func main() { os.Exit(run(console{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])) }

func run(c console, args []string) int {
	var g grammar
	parser, err := kong.New(&g, kong.Name("sop"), kong.Writers(c.out, c.err), kong.Bind(c), kong.UsageOnError())
	if err != nil {
		panic(err) // the grammar is wrong
	}
	if len(args) == 0 || !known(parser, args[0]) {
		fmt.Fprintln(c.err, "sop: unknown subcommand; try --help")
		return unsupportedCommand
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(c.err, "sop:", err)
		return unsupportedOption
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(c.err, "sop:", err)
		return statusOf(err)
	}
	return 0
}

func known(parser *kong.Kong, name string) bool {
	for _, command := range parser.Model.Children {
		if command.Name == name {
			return true
		}
	}
	return name == "--help"
}
