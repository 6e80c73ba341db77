//go:build interop

package interop

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mailhavn/mailhavn/pgp"
)

var sets = flag.Int("interop.sets", 10, "sets of recipients that GnuPG is among")

// PG2: GnuPG reads whatever is encrypted to its key, whoever else is meant to read it.
func TestRecipientSets(t *testing.T) {
	var all []*pgp.Key
	for _, kind := range keyTypes {
		all = append(all, newKey(t, kind.config))
	}
	gnupg := all[0]
	others := all[1:]
	gpg := peers[slices.IndexFunc(peers, func(p peer) bool { return p.name == "gpg" })]
	w := workplace{dir: t.TempDir(), fingerprint: gnupg.Fingerprint()}
	if !w.prepare(t, gpg, gnupg) {
		t.Fatal("gpg does not take the key")
	}
	for n := range *sets {
		rand.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
		to := slices.Clone(others[:rand.IntN(len(others)+1)])
		to = slices.Insert(to, rand.IntN(len(to)+1), gnupg)
		hidden := rand.IntN(len(to))
		var message bytes.Buffer
		out, err := pgp.Encrypter{To: to[hidden:], Hidden: to[:hidden]}.Encrypt(&message)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("message %d\r\n", n)
		io.WriteString(out, text)
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		w.write(t, "message.asc", message.Bytes())
		if !w.run(t, gpg.decrypt) || string(w.read("output")) != text {
			t.Errorf("with %d others, %d hidden: gpg reads %q\n%s", len(to)-1, hidden, w.read("output"), message.Bytes())
		}
	}
}
