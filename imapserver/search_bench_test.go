package imapserver

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkSearch is SEARCH by columns and by header fields, before there is an index of texts.
func BenchmarkSearch(b *testing.B) {
	const n = 10000
	c := selectedConn(b, 0)
	for i := range n {
		deliver(b, c.identity.account, c.selected.mbox, 1, fmt.Sprintf("From: Somebody %d <s%d@example.org>\r\nTo: x@example.org\r\n"+
			"Date: Tue, 3 Feb 2026 12:00:00 +0100\r\nSubject: about the river %d, and what comes of it\r\n\r\ntext\r\n", i%100, i, i))
	}
	if err := c.sync(context.Background(), true); err != nil {
		b.Fatal(err)
	}
	for _, keys := range []string{"UNSEEN NOT DELETED", "SUBJECT harbour", "FROM fjord SENTSINCE 1-Feb-2024", "SENTSINCE 1-Feb-2024 FROM some"} {
		b.Run(keys, func(b *testing.B) {
			act := parsed(b, c, "SEARCH "+keys)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := act(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/message")
		})
	}
}
