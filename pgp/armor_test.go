package pgp

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

// Our armor is that of go-crypto, however it is written, and either reads the other's.
func TestArmor(t *testing.T) {
	for size := range 300 {
		data := make([]byte, size)
		rand.NewChaCha8([32]byte{byte(size)}).Read(data)
		for _, checksum := range []bool{true, false} {
			var want, got bytes.Buffer
			theirs, err := armor.EncodeWithChecksumOption(&want, "PGP MESSAGE", nil, checksum)
			if err != nil {
				t.Fatal(err)
			}
			theirs.Write(data)
			theirs.Close()
			ours := &armorWriter{dst: &got, label: "PGP MESSAGE", checksum: checksum}
			for rest := data; len(rest) > 0; {
				n := 1 + rand.IntN(min(len(rest), 70))
				ours.Write(rest[:n])
				rest = rest[n:]
			}
			ours.Close()
			if size > 0 && got.String() != want.String()+"\n" {
				t.Fatalf("%d octets: %q, not %q", size, got.String(), want.String())
			}
			for _, text := range []string{got.String(), want.String()} {
				in, label, err := dearmor(bytes.NewReader([]byte(text)))
				if err != nil || label != "PGP MESSAGE" {
					t.Fatalf("%d octets: %v", size, err)
				}
				if back, err := io.ReadAll(in); err != nil || !bytes.Equal(back, data) {
					t.Fatalf("%d octets came back as %d: %v", size, len(back), err)
				}
			}
		}
	}
}
