package passwd_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mailhavn/mailhavn/passwd"
)

// A user file for the examples.
func exampleFile() (users *passwd.File, remove func()) {
	dir, err := os.MkdirTemp("", "passwd")
	if err != nil {
		log.Fatal(err)
	}
	users, err = passwd.OpenFile(filepath.Join(dir, "users"))
	if err != nil {
		log.Fatal(err)
	}
	return users, func() { os.RemoveAll(dir) }
}

// Users in a file: make one, check the password, keep somebody out.
func Example() {
	users, remove := exampleFile()
	defer remove()
	ctx := context.Background()

	if err := users.Add(ctx, "anna@example.org", "correct horse battery staple"); err != nil {
		log.Fatal(err)
	}
	user, err := users.Authenticate(ctx, "Anna@Example.org", "correct horse battery staple")
	fmt.Println(user.Name, err)

	_, err = users.Authenticate(ctx, "anna@example.org", "password")
	fmt.Println(err)

	if err := users.Disable(ctx, "anna@example.org"); err != nil {
		log.Fatal(err)
	}
	_, err = users.Authenticate(ctx, "anna@example.org", "correct horse battery staple")
	fmt.Println(errors.Is(err, passwd.ErrDisabled))
	// Output:
	// anna@example.org <nil>
	// passwd: wrong user name or password
	// true
}

// The server side of a SASL exchange, as an IMAP or SMTP server has it.
func ExampleAuthenticator() {
	users, remove := exampleFile()
	defer remove()
	ctx := context.Background()
	if err := users.Add(ctx, "anna", "correct horse"); err != nil {
		log.Fatal(err)
	}

	auth := passwd.NewAuthenticator(users)
	state := &tls.ConnectionState{} // of the connection
	fmt.Println(auth.Mechanisms(nil, nil), auth.Mechanisms(nil, state))

	server, user, err := auth.Start(ctx, "PLAIN", nil, state)
	if err != nil {
		log.Fatal(err)
	}
	_, done, err := server.Next([]byte("\x00anna\x00correct horse")) // from the client
	fmt.Println(user(), done, err)
	// Output:
	// [] [PLAIN]
	// anna true <nil>
}

// Hashes without a file, for a database of one's own.
func ExampleHasher() {
	hasher := &passwd.Hasher{Slots: 4} // at most 4 at a time: 76 MiB
	ctx := context.Background()
	hash, err := hasher.Hash(ctx, "correct horse")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hash[:31])
	fmt.Println(hasher.Verify(ctx, hash, "correct horse"))
	fmt.Println(hasher.Verify(ctx, hash, "battery staple"))
	// Output:
	// $argon2id$v=19$m=19456,t=2,p=1$
	// <nil>
	// passwd: wrong user name or password
}

// What is wrong in a file that was edited by hand.
func ExampleFile_Problems() {
	users, remove := exampleFile()
	defer remove()
	problems, err := users.Problems()
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range problems {
		fmt.Println(p) // such as: users:7: the state, its third field, is neither active nor disabled
	}
	fmt.Println(len(problems), "problems")
	// Output: 0 problems
}

func ExampleGenerate() {
	fmt.Println(len(passwd.Generate()))
	// Output: 23
}
