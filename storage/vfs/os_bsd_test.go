//go:build freebsd || darwin

package vfs_test

import (
	"os"

	"golang.org/x/sys/unix"
)

// mknodNull is refused: the numbers of devices are not fixed here.
func mknodNull(string) error { return unix.EPERM }

// exchange swaps two names, one after the other.
func exchange(a, b string) error {
	for _, step := range [][2]string{{a, a + ".tmp"}, {b, a}, {a + ".tmp", b}} {
		if err := os.Rename(step[0], step[1]); err != nil {
			return err
		}
	}
	return nil
}
