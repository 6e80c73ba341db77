package breach

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkCold looks up what the system has in no cache.
func BenchmarkCold(b *testing.B) {
	path, _ := build(b, listOf(hashes(200_000)), Options{})
	f := openFilter(b, path)
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		if err := unix.Madvise(f.files[0].blocks.data, unix.MADV_DONTNEED); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if found, err := f.Contains("p" + fmt.Sprint(i%200_000)); !found || err != nil {
			b.Fatal(err)
		}
	}
}
