// Command growth measures how operations grow with the size of a mailbox, each on the real disk and over TLS, and draws the curves.
//
//	go run ./examples/growth -sizes 10000,100000,1000000 -svg docs/growth.svg
//
// Times are those of this machine; what counts is how they change from one size to the next.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
)

func main() {
	log.SetFlags(0)
	sizes := flag.String("sizes", "1000,10000", "numbers of messages, separated by commas")
	dir := flag.String("dir", os.TempDir(), "a folder on the disk that is to be measured; what is made there is removed")
	svg := flag.String("svg", "", "draw the curves into this `file`")
	flag.Parse()
	table := &table{}
	for text := range strings.SplitSeq(*sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil || size < 100 {
			log.Fatalf("-sizes: %q is not a number of at least 100", text)
		}
		column, err := measure(*dir, size)
		if err != nil {
			log.Fatalf("%d messages: %v", size, err)
		}
		table.sizes, table.columns = append(table.sizes, size), append(table.columns, column)
	}
	fmt.Print(table.text())
	if *svg != "" {
		if err := os.WriteFile(*svg, []byte(table.plot()), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// measure makes a mailbox of so many messages and returns what each measurement gives.
func measure(dir string, size int) (map[string]float64, error) {
	b, err := newBed(dir, size)
	if err != nil {
		return nil, err
	}
	defer b.remove()
	column := map[string]float64{}
	for _, m := range measurements {
		value, err := m.run(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		log.Printf("%9d  %-44s %12.3f %s", size, m.name, value, m.unit)
		column[m.name] = value
	}
	return column, nil
}
