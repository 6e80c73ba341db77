//go:build linux || freebsd || darwin

package vfs_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

var benchKinds = []struct {
	name string
	open func(dir string) (vfs.FS, error)
}{
	{"os", vfs.OS},
	{"walk", vfs.WalkOS},
	{"mem", func(string) (vfs.FS, error) { return vfs.NewMem(), nil }},
}

const benchFolder = "a/7f/0123456789abcdef/Maildir/.Archive/cur"

func benchFS(b *testing.B, run func(b *testing.B, fsys vfs.FS)) {
	for _, kind := range benchKinds {
		b.Run(kind.name, func(b *testing.B) {
			fsys, err := kind.open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			for i, c := range benchFolder + "/" {
				if c == '/' {
					if err := fsys.Mkdir(benchFolder[:i]); err != nil {
						b.Fatal(err)
					}
				}
			}
			run(b, fsys)
			if c, ok := fsys.(io.Closer); ok {
				c.Close()
			}
		})
	}
}

// One message read: open, read, close.
func BenchmarkRead(b *testing.B) {
	buf := make([]byte, 8<<10)
	benchFS(b, func(b *testing.B, fsys vfs.FS) {
		if err := put(fsys, benchFolder+"/msg", string(buf)); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			f, err := fsys.Open(benchFolder + "/msg")
			if err != nil {
				b.Fatal(err)
			}
			if n, err := f.ReadAt(buf, 0); err != nil || n != len(buf) {
				b.Fatal(n, err)
			}
			f.Close()
		}
	})
	b.Run("package-os", func(b *testing.B) { // to compare
		name := filepath.Join(b.TempDir(), "msg")
		if err := os.WriteFile(name, buf, 0o600); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			f, err := os.Open(name)
			if err != nil {
				b.Fatal(err)
			}
			if n, err := f.ReadAt(buf, 0); err != nil || n != len(buf) {
				b.Fatal(n, err)
			}
			f.Close()
		}
	})
}

// One message written and renamed, without any sync.
func BenchmarkDeliver(b *testing.B) {
	text := string(make([]byte, 8<<10))
	benchFS(b, func(b *testing.B, fsys vfs.FS) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			name := fmt.Sprintf("%s/%d", benchFolder, i)
			if err := put(fsys, benchFolder+"/tmp", text); err != nil {
				b.Fatal(err)
			}
			if err := fsys.Rename(benchFolder+"/tmp", name); err != nil {
				b.Fatal(err)
			}
			if err := fsys.Remove(name); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReadDir(b *testing.B) {
	benchFS(b, func(b *testing.B, fsys vfs.FS) {
		for i := range 1000 {
			if err := put(fsys, fmt.Sprintf("%s/%d.M1P2.host,S=1234:2,S", benchFolder, i), ""); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportAllocs()
		for b.Loop() {
			if entries, err := fsys.ReadDir(benchFolder); err != nil || len(entries) != 1000 {
				b.Fatal(len(entries), err)
			}
		}
	})
}
