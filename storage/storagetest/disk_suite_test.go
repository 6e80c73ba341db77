package storagetest

import (
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

func TestDiskIsFS(t *testing.T) {
	TestFS(t, func() vfs.FS { return NewDisk() })
}

func TestTrackedDiskIsFS(t *testing.T) {
	TestFS(t, func() vfs.FS { return vfs.Track(NewDisk()) })
}

// Without a fault the decorator is not there.
func TestFaultsIsFS(t *testing.T) {
	TestFS(t, func() vfs.FS { return Faults(vfs.NewMem(), func(Op) *Fault { return nil }) })
}
