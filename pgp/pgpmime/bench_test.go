package pgpmime_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

func BenchmarkEncrypt(b *testing.B) {
	benchmark(b, func(_ []byte, mail io.Reader, enc pgp.Encrypter, _ pgp.Decrypter) error {
		return pgpmime.Encrypt(io.Discard, mail, enc, nil)
	})
}

func BenchmarkOpen(b *testing.B) {
	benchmark(b, func(message []byte, _ io.Reader, _ pgp.Encrypter, d pgp.Decrypter) error {
		o, err := pgpmime.Open(context.Background(), bytes.NewReader(message), d)
		if err == nil {
			_, err = io.Copy(io.Discard, o.Message())
			o.Close()
		}
		return err
	})
}

func benchmark(b *testing.B, run func([]byte, io.Reader, pgp.Encrypter, pgp.Decrypter) error) {
	mail := append([]byte("Subject: x\r\n\r\n"), bytes.Repeat([]byte("0123456789abcdef\r\n"), 1<<20)...)
	for name, profile := range map[string]pgp.Profile{"SEIPDv1": pgp.Compatible, "SEIPDv2": pgp.Modern} {
		b.Run(name, func(b *testing.B) {
			k := key(b, "anna", profile)
			enc, d := pgp.Encrypter{To: []*pgp.Key{k}}, pgp.Decrypter{Keys: []*pgp.Key{k}}
			var message bytes.Buffer
			if err := pgpmime.Encrypt(&message, bytes.NewReader(mail), enc, nil); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(mail)))
			for b.Loop() {
				if err := run(message.Bytes(), bytes.NewReader(mail), enc, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
