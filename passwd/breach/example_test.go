package breach_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailhavn/mailhavn/passwd/breach"
)

func Example() {
	dir, err := os.MkdirTemp("", "breach")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "breach")
	list := "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9659365\n" // of Have I Been Pwned, ordered by hash
	if _, err := breach.Build(context.Background(), path, breach.List(strings.NewReader(list), 0), breach.Options{}); err != nil {
		log.Fatal(err)
	}
	known, err := breach.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer known.Close()
	fmt.Println(known.Contains("password"))
	fmt.Println(known.Contains("quiet lanterns at dusk"))
	// Output:
	// true <nil>
	// false <nil>
}
