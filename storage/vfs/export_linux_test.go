package vfs

var AtLeast = atLeast
