package vfs_test

import (
	"testing"

	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

func TestMem(t *testing.T) {
	storagetest.TestFS(t, vfs.NewMem)
}

func TestTrackedMem(t *testing.T) {
	storagetest.TestFS(t, func() vfs.FS { return vfs.Track(vfs.NewMem()) })
}
