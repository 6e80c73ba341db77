package throttle_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/throttle"
)

// One guard for all protocols of a server, which outlives restarts.
func Example() {
	dir, err := os.MkdirTemp("", "throttle")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	users, err := passwd.OpenFile(filepath.Join(dir, "users"))
	if err != nil {
		log.Fatal(err)
	}
	guard, err := throttle.Load(filepath.Join(dir, "throttle"))
	if err != nil {
		log.Print(err) // a new one is used
	}
	imap, smtp := passwd.NewAuthenticator(users), passwd.NewAuthenticator(users)
	imap.Protocol, imap.Guard = "imap", guard
	smtp.Protocol, smtp.Guard = "smtp", guard

	fmt.Println(guard.Save(filepath.Join(dir, "throttle"))) // every minute, and at the end
	// Output: <nil>
}
