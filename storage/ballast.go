package storage

import (
	"errors"
	"io/fs"

	"github.com/mailhavn/mailhavn/storage/internal/wal"
)

// full is called when the disk is full. It gives up the ballast, so that what frees space can be written; until the
// ballast is back, no messages are taken. It returns whether there was any.
func (u *Unit) full() bool {
	u.short.Store(true)
	u.keeper.request()
	return u.fs.Remove(ballastFile) == nil
}

// restoreBallast makes the ballast again where it is missing.
func (u *Unit) restoreBallast() error {
	if u.opt.Ballast < 0 {
		u.short.Store(false)
		return nil
	}
	info, err := u.fs.Stat(ballastFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && info.Size == u.opt.Ballast {
		u.short.Store(false)
		return nil
	}
	if err := u.fs.Remove(ballastFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = wal.Fill(u.fs, ballastFile, u.opt.Ballast)
	if errors.Is(err, ErrNoSpace) {
		return nil // the unit stays short of space
	}
	if err == nil {
		u.short.Store(false)
	}
	return err
}
