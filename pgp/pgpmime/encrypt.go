package pgpmime

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/mailhavn/mailhavn/pgp"
)

// What is wrong with a message as mail. What is wrong with the OpenPGP data in it are errors of package pgp.
var (
	// ErrNoPGP says that the message is neither encrypted nor signed by OpenPGP.
	ErrNoPGP = errors.New("pgpmime: the message is neither encrypted nor signed")

	// ErrMixed says that encrypted or signed parts stand beside others, or that there is more than one.
	ErrMixed = errors.New("pgpmime: encrypted or signed parts stand beside others")

	// ErrMalformed says that the structure of the message is broken.
	ErrMalformed = errors.New("pgpmime: malformed message")
)

// Encrypt reads a message to its end and writes it encrypted to dst: a multipart/encrypted (RFC 3156, section 4) whose header has what the policy leaves
// visible; nil is [Baseline]. Memory does not grow with the message. After an error what was written is of no use.
//
// The message goes in as it is: who sends it to several people takes Bcc from it first.
func Encrypt(dst io.Writer, message io.Reader, enc pgp.Encrypter, policy Policy) error {
	in := bufio.NewReaderSize(message, 64<<10)
	h, err := readHead(in)
	if err != nil {
		return err
	}
	outer := outside(h, policy)
	payload := protect(h, markCipher, outer)
	if payload == nil {
		payload = append([]byte(wrapped), h.bytes()...)
	}
	out := bufio.NewWriterSize(dst, 64<<10)
	boundary := newBoundary()
	for _, f := range outer {
		out.Write(f.raw)
	}
	fmt.Fprintf(out, encryptedHead, boundary, boundary, boundary)
	enc.Binary = false
	w, err := enc.Encrypt(out)
	if err != nil {
		return err
	}
	if _, err := w.Write(payload); err != nil {
		return err
	}
	if _, err := io.Copy(w, in); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\r\n--%s--\r\n", boundary)
	return out.Flush()
}

const encryptedHead = "MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n boundary=\"%s\"\r\n" +
	"\r\nThis is an OpenPGP/MIME encrypted message (RFC 3156).\r\n" +
	"--%s\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n" +
	"--%s\r\nContent-Type: application/octet-stream; name=\"encrypted.asc\"\r\nContent-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n"

func newBoundary() string { return "pgp-" + rand.Text() }

// Sign reads a message to its end and writes it signed to dst: a multipart/signed (RFC 3156, section 5) that protects the header too. The message is
// kept in tempDir ("" is the system's), encrypted, if it is large. A header with lines that are no fields is ErrMalformed. The whole header is signed and visible:
// who sends the message takes Bcc from it first.
func Sign(dst io.Writer, message io.Reader, s pgp.Signer, tempDir string) error {
	in := bufio.NewReaderSize(message, 64<<10)
	h, err := readHead(in)
	if err != nil {
		return err
	}
	protected := protect(h, markClear, nil)
	if protected == nil {
		return fmt.Errorf("%w: its header cannot be protected", ErrMalformed)
	}
	var signatures bytes.Buffer
	s.Binary, s.Text = false, false
	w, err := s.Detached(&signatures)
	if err != nil {
		return err
	}
	content, err := transportable(io.MultiReader(bytes.NewReader(protected), in), w, tempDir)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := w.Close(); err != nil {
		return err
	}
	micalg, err := pgp.SignatureHash(signatures.Bytes())
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(dst, 64<<10)
	boundary := newBoundary()
	for _, f := range outside(h, ShowAll) {
		out.Write(f.raw)
	}
	fmt.Fprintf(out, signedHead, micalg, boundary, boundary)
	if _, err := io.Copy(out, content.Reader()); err != nil {
		return err
	}
	signature := bytes.ReplaceAll(signatures.Bytes(), []byte("\n"), []byte("\r\n"))
	fmt.Fprintf(out, signedTail, boundary, signature, boundary)
	return out.Flush()
}

const signedHead = "MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/signed; protocol=\"application/pgp-signature\";\r\n micalg=%s; boundary=\"%s\"\r\n" +
	"\r\nThis is an OpenPGP/MIME signed message (RFC 3156).\r\n--%s\r\n"

const signedTail = "\r\n--%s\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\n\r\n%s\r\n--%s--\r\n"
