package zxcvbn_test

import (
	"fmt"

	"github.com/mailhavn/mailhavn/passwd/zxcvbn"
)

func ExampleEstimate() {
	r := zxcvbn.Estimate("Anna1990", zxcvbn.Options{Inputs: []string{"anna"}, Year: 2026})
	fmt.Println("score", r.Score, "guesses", r.Guesses)
	for _, m := range r.Sequence {
		fmt.Println(m.Pattern, m.Token)
	}
	// Output:
	// score 1 guesses 15000
	// dictionary Anna
	// regex 1990
}
