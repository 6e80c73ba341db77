//go:build interop

// Package interop holds what other OpenPGP programs read of ours and we of theirs.
package interop

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

var update = flag.Bool("update", false, "write the table of expectations anew")

const tableFile = "testdata/expected.txt"

// operations of a cell: the peer decrypts ours, we decrypt the peer's, the peer verifies ours, we verify the peer's, the peer decrypts and verifies what is in our PGP/MIME.
var operations = []string{"decrypt", "encrypt", "verify", "sign", "mime-decrypt", "mime-verify"}

// keyTypes are the kinds of keys that are tried.
var keyTypes = []struct {
	name   string
	config packet.Config
}{
	{"v4-ed25519-legacy", packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Curve: packet.Curve25519}},
	{"v4-rsa2048", packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048}},
	{"v4-rsa4096", packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: 4096}},
	{"v4-p256", packet.Config{Algorithm: packet.PubKeyAlgoECDSA, Curve: packet.CurveNistP256}},
	{"v4-p521", packet.Config{Algorithm: packet.PubKeyAlgoECDSA, Curve: packet.CurveNistP521}},
	{"v4-brainpool256", packet.Config{Algorithm: packet.PubKeyAlgoECDSA, Curve: packet.CurveBrainpoolP256}},
	{"v4-ed25519", packet.Config{Algorithm: packet.PubKeyAlgoEd25519}},
	{"v6-ed25519", packet.Config{Algorithm: packet.PubKeyAlgoEd25519, V6Keys: true, AEADConfig: &packet.AEADConfig{}}},
	{"v6-ed448", packet.Config{Algorithm: packet.PubKeyAlgoEd448, V6Keys: true, AEADConfig: &packet.AEADConfig{}}},
	{"v6-mldsa65", packet.Config{Algorithm: packet.PubKeyAlgoMldsa65Ed25519, V6Keys: true, AEADConfig: &packet.AEADConfig{}}},
}

func newKey(t *testing.T, config packet.Config) *pgp.Key {
	t.Helper()
	e, err := openpgp.NewEntity("Anna", "", "anna@example.org", &config)
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if err := e.SerializePrivateWithoutSigning(&raw, &config); err != nil {
		t.Fatal(err)
	}
	keys, err := pgp.ReadKeys(&raw)
	if err != nil {
		t.Fatal(err)
	}
	return keys[0]
}

// PG1: every cell of key types, programs and operations is as the committed table says.
func TestMatrix(t *testing.T) {
	modules := t.TempDir()
	if out, err := exec.Command("npm", "install", "--no-audit", "--no-fund", "--prefix", modules, "openpgp@6.3.2").CombinedOutput(); err != nil {
		t.Fatalf("npm install openpgp@6.3.2: %v\n%s", err, out)
	}
	modules = filepath.Join(modules, "node_modules")
	var mu sync.Mutex
	got := map[string]string{}
	t.Run("cells", func(t *testing.T) {
		for _, kind := range keyTypes {
			k := newKey(t, kind.config)
			for _, p := range peers {
				t.Run(kind.name+"/"+p.name, func(t *testing.T) {
					t.Parallel()
					w := workplace{t.TempDir(), k.Fingerprint(), modules}
					row := cell(t, w, p, k)
					mu.Lock()
					defer mu.Unlock()
					got[kind.name+" "+p.name] = row
				})
			}
		}
	})
	if *update {
		writeTable(t, got)
	}
	want := readTable(t)
	if len(got) != len(keyTypes)*len(peers) || len(want) != len(got) {
		t.Errorf("%d rows were tried, %d are expected", len(got), len(want))
	}
	for row, cells := range got {
		if cells != want[row] {
			t.Errorf("%s: %s, expected %s", row, cells, want[row])
		}
	}
}

// cell tries all operations of one key with one peer: a "+" or "-" each.
func cell(t *testing.T, w workplace, p peer, k *pgp.Key) string {
	data := []byte("The ship comes at noon.\r\n\x00\xff \n")
	w.write(t, "data", data)
	if !w.prepare(t, p, k) {
		return strings.Repeat("- ", len(operations)-1) + "-"
	}
	ctx := context.Background()
	d := pgp.Decrypter{Keys: []*pgp.Key{k}, Verify: []*pgp.Key{k}}
	results := map[string]bool{}

	var message bytes.Buffer
	writeAll(t, data)(pgp.Encrypter{To: []*pgp.Key{k}}.Encrypt(&message))
	w.write(t, "message.asc", message.Bytes())
	results["decrypt"] = w.run(t, p.decrypt) && bytes.Equal(w.read("output"), data)

	w.remove("message.asc")
	if w.run(t, p.encrypt) {
		m, err := d.Decrypt(ctx, bytes.NewReader(w.read("message.asc")))
		if err == nil {
			text, _ := io.ReadAll(m.Reader())
			results["encrypt"] = bytes.Equal(text, data)
			m.Close()
		} else {
			t.Logf("what %s encrypted: %v", p.name, err)
		}
	}

	var signature bytes.Buffer
	writeAll(t, data)(pgp.Signer{Keys: []*pgp.Key{k}}.Detached(&signature))
	w.write(t, "signature.asc", signature.Bytes())
	results["verify"] = w.run(t, p.verify)

	w.remove("signature.asc")
	if w.run(t, p.sign) {
		found, err := pgp.Verifier{Keys: []*pgp.Key{k}}.Detached(ctx, bytes.NewReader(data), w.read("signature.asc"))
		results["sign"] = err == nil && len(found) == 1 && found[0].Err == nil
		if !results["sign"] {
			t.Logf("what %s signed: %+v, %v", p.name, found, err)
		}
	}

	const mail = "From: anna@example.org\r\nSubject: ship\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe ship comes at nøøn. \r\n"
	block, payload := encryptedMail(t, mail, k)
	w.write(t, "message.asc", block)
	results["mime-decrypt"] = results["decrypt"] && w.run(t, p.decrypt) && bytes.Equal(w.read("output"), payload)

	content, sig := signedMail(t, mail, k)
	w.write(t, "data", content)
	w.write(t, "signature.asc", sig)
	results["mime-verify"] = results["verify"] && w.run(t, p.verify)

	var row []string
	for _, op := range operations {
		row = append(row, map[bool]string{true: "+", false: "-"}[results[op]])
	}
	return strings.Join(row, " ")
}

func writeAll(t *testing.T, data []byte) func(io.WriteCloser, error) {
	return func(w io.WriteCloser, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		w.Write(data)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// encryptedMail gives the armored part of an encrypted and signed mail, and what is in it.
func encryptedMail(t *testing.T, mail string, k *pgp.Key) (block, payload []byte) {
	t.Helper()
	var out bytes.Buffer
	if err := pgpmime.Encrypt(&out, strings.NewReader(mail), pgp.Encrypter{To: []*pgp.Key{k}, Signers: []*pgp.Key{k}}, nil); err != nil {
		t.Fatal(err)
	}
	message := out.Bytes()
	o, err := pgpmime.Open(context.Background(), &out, pgp.Decrypter{Keys: []*pgp.Key{k}})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	payload, _ = io.ReadAll(o.Entity())
	message = message[bytes.Index(message, []byte("-----BEGIN PGP MESSAGE")):]
	const end = "-----END PGP MESSAGE-----\n"
	return message[:bytes.Index(message, []byte(end))+len(end)], payload
}

// signedMail gives what is signed of a mail, and the signature.
func signedMail(t *testing.T, mail string, k *pgp.Key) (content, signature []byte) {
	t.Helper()
	var out bytes.Buffer
	if err := pgpmime.Sign(&out, strings.NewReader(mail), pgp.Signer{Keys: []*pgp.Key{k}}, ""); err != nil {
		t.Fatal(err)
	}
	return signedParts(out.String())
}

func signedParts(message string) (content, signature []byte) {
	parts := strings.Split(message, "\r\n--pgp-")
	_, first, _ := strings.Cut(parts[1], "\r\n")
	_, second, _ := strings.Cut(parts[2], "\r\n\r\n")
	return []byte(first), []byte(second)
}

func readTable(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 2+len(operations) && fields[0] != "#" {
			table[fields[0]+" "+fields[1]] = strings.Join(fields[2:], " ")
		}
	}
	return table
}

func writeTable(t *testing.T, got map[string]string) {
	t.Helper()
	out := "# What works between this package and others: go test -tags interop ./pgp/interop -update writes it.\n# key type, program: " + strings.Join(operations, ", ") + "\n"
	for _, kind := range keyTypes {
		for _, p := range peers {
			row := kind.name + " " + p.name
			out += fmt.Sprintf("%-18s %-11s %s\n", kind.name, p.name, got[row])
		}
	}
	if err := os.WriteFile(tableFile, []byte(out), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The facts that the documentation of package pgp promises hold in the table, whoever wrote it.
func TestPromises(t *testing.T) {
	table := readTable(t)
	if len(table) == 0 {
		t.Fatal("the table is empty")
	}
	all := strings.Repeat("+ ", len(operations)-1) + "+"
	for _, kind := range []string{"v4-ed25519-legacy", "v4-rsa4096"} {
		for _, p := range peers {
			want := all
			if p.name == "gosop" { // writes LF for the CRLF that it decrypted
				want = "- + + + - +"
			}
			if row := table[kind+" "+p.name]; row != want {
				t.Errorf("%s with %s: %q", kind, p.name, row)
			}
		}
	}
	if row := table["v6-ed25519 openpgpjs"]; row != all {
		t.Errorf("v6 with OpenPGP.js: %q", row)
	}
	if !slices.ContainsFunc(peers, func(p peer) bool { return p.name == "gpg" }) {
		t.Error("GnuPG is missing")
	}
}
