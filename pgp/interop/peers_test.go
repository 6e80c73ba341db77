//go:build interop

package interop

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
)

// peer is another program. Its commands run in a folder with key.asc (private), cert.asc, data, message.asc (encrypted) and signature.asc (detached), and $FPR; decrypt writes output.
// gosop falls over file names below five characters.
type peer struct {
	name                                  string
	setup, encrypt, decrypt, sign, verify string
}

// sop are the commands of the Stateless OpenPGP Command Line Interface.
func sop(name, program string) peer {
	return peer{name: name,
		encrypt: program + " encrypt cert.asc < data > message.asc",
		decrypt: program + " decrypt key.asc < message.asc > output",
		sign:    program + " sign key.asc < data > signature.asc",
		verify:  program + " verify signature.asc cert.asc < data",
	}
}

var peers = []peer{
	{name: "gpg",
		setup:   "gpg --batch -q --import key.asc",
		encrypt: "gpg --batch -q --trust-model always -r $FPR -a -o message.asc -e data",
		decrypt: "gpg --batch -q -o output -d message.asc",
		sign:    "gpg --batch -q -u $FPR -a -o signature.asc -b data",
		verify:  "gpg --batch -q --verify signature.asc data",
	},
	{name: "sq",
		encrypt: "sq encrypt --recipient-cert cert.asc -o message.asc data",
		decrypt: "sq decrypt --recipient-key key.asc -o output message.asc",
		sign:    "sq sign --detached --signer-key key.asc -o signature.asc data",
		verify:  "sq verify --signer-cert cert.asc --detached signature.asc data",
	},
	{name: "rnp",
		setup:   "rnpkeys --homedir rnp --import key.asc",
		encrypt: "rnp --homedir rnp -r $FPR --armor --output message.asc -e data",
		decrypt: "rnp --homedir rnp --password x --output output -d message.asc",
		sign:    "rnp --homedir rnp --password x -u $FPR --armor --detach --output signature.asc -s data",
		verify:  "rnp --homedir rnp --source data -v signature.asc",
	},
	{name: "openpgpjs",
		encrypt: "node $JS encrypt", decrypt: "node $JS decrypt", sign: "node $JS sign", verify: "node $JS verify",
	},
	sop("sqop", "sqop"), sop("gosop", "gosop"), sop("pgpainless", "pgpainless-cli"),
}

// workplace is a folder for one key and one peer.
type workplace struct {
	dir, fingerprint, modules string
}

// prepare gives a peer its keys; it is false if the peer does not take them.
func (w workplace) prepare(t *testing.T, p peer, k *pgp.Key) bool {
	t.Helper()
	w.write(t, "key.asc", []byte(k.Armor()))
	w.write(t, "cert.asc", []byte(k.Public().Armor()))
	for _, home := range []string{"gnupg", "rnp"} {
		if err := os.Mkdir(filepath.Join(w.dir, home), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if p.name == "gpg" {
		t.Cleanup(func() { w.run(t, "gpgconf --kill all") }) // the agent of this folder
	}
	return p.setup == "" || w.run(t, p.setup)
}

const commandTimeout = 60 * time.Second

// run reports whether a command ends well.
func (w workplace) run(t *testing.T, command string) bool {
	t.Helper()
	w.remove("output")
	script, err := filepath.Abs("testdata/openpgp.js")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "FPR="+w.fingerprint, "GNUPGHOME="+filepath.Join(w.dir, "gnupg"), "JS="+script, "NODE_PATH="+w.modules, "HOME="+w.dir)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("%s: %v\n%.400s", command, err, bytes.TrimSpace(output))
	}
	return err == nil
}

func (w workplace) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w workplace) read(name string) []byte {
	content, _ := os.ReadFile(filepath.Join(w.dir, name))
	return content
}

func (w workplace) remove(names ...string) {
	for _, name := range names {
		os.Remove(filepath.Join(w.dir, name))
	}
}
