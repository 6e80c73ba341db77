package storagetest

import "fmt"

// OpKind names an operation of [vfs.FS] or [vfs.File].
type OpKind string

// The operations. Those from OpOpen on change nothing: [Disk] neither counts nor logs them.
const (
	OpCreate     OpKind = "create"
	OpMkdir      OpKind = "mkdir"
	OpRemove     OpKind = "remove"
	OpRename     OpKind = "rename"
	OpLink       OpKind = "link"
	OpWrite      OpKind = "write"
	OpTruncate   OpKind = "truncate"
	OpSetModTime OpKind = "chtimes"
	OpSync       OpKind = "sync"
	OpSyncDir    OpKind = "syncdir"
	OpSyncAll    OpKind = "syncall"

	OpOpen    OpKind = "open"
	OpRead    OpKind = "read"
	OpReadDir OpKind = "readdir"
	OpStat    OpKind = "stat"
	OpLock    OpKind = "lock"
)

// Op is one operation on a file system.
type Op struct {
	N    int // the number of the operation, from 1
	Kind OpKind
	Name string // the file or folder; for an open file, the name by which it was opened
	To   string // the second name of a rename or link
	Off  int64  // of a read or write; the new size of a truncate
	Len  int    // of a read or write
}

func (op Op) String() string {
	switch op.Kind {
	case OpRename, OpLink:
		return fmt.Sprintf("%d: %s %s -> %s", op.N, op.Kind, op.Name, op.To)
	case OpWrite, OpRead:
		return fmt.Sprintf("%d: %s %s [%d,+%d)", op.N, op.Kind, op.Name, op.Off, op.Len)
	case OpTruncate:
		return fmt.Sprintf("%d: %s %s to %d", op.N, op.Kind, op.Name, op.Off)
	}
	return fmt.Sprintf("%d: %s %s", op.N, op.Kind, op.Name)
}
