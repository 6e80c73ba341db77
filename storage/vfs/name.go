package vfs

import (
	"io/fs"
	"strings"
)

const (
	// maxElement is NAME_MAX of every system that we build on.
	maxElement = 255
	// maxName is the smallest PATH_MAX among them (freebsd, darwin), less the closing NUL.
	maxName = 1023
)

// CheckName returns fs.ErrInvalid unless name is one that every implementation takes: "" (the root), or elements of 1 to
// 255 bytes joined by "/", none of them "." or "..", no NUL, at most 1023 bytes in all. A backslash is an ordinary byte.
func CheckName(name string) error {
	if name == "" {
		return nil
	}
	if len(name) > maxName || strings.IndexByte(name, 0) >= 0 {
		return fs.ErrInvalid
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || element == "." || element == ".." || len(element) > maxElement {
			return fs.ErrInvalid
		}
	}
	return nil
}

// Split checks name and parts it into the folder that holds it and its last element. The root has neither: fs.ErrInvalid.
func Split(name string) (folder, element string, err error) {
	if name == "" {
		return "", "", fs.ErrInvalid
	}
	if err := CheckName(name); err != nil {
		return "", "", err
	}
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name, nil
	}
	return name[:i], name[i+1:], nil
}
