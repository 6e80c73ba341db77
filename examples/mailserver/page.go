package main

import (
	"io"
	"os"
	"path/filepath"
)

// writePage writes a file that is there whole or not at all, for everybody to read.
func writePage(file string, write func(io.Writer) error) error {
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // nothing is left to remove after success
	err = write(temp)
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	return err
}
