// Package storagetest is for everyone who changes a part of the mail store: it breaks disks and looks whether mail is lost.
//
//   - [Disk] is a file system that loses power, [Faults] one that goes wrong, [Full] one that is full, [Lie] one that forgets to
//     sync. [TestFS] checks other implementations of vfs.FS.
//   - An [Explorer] runs programs on a unit and opens it after power cuts at every moment: what was acknowledged is there
//     exactly, what was under way is there whole or not at all. It lets operations fail ([Explorer.RunFaulty]) and inverts
//     bits ([Explorer.Flip]). [Minimise] shortens a program that leads to a loss.
//   - A [Simulation] has several sessions work on the same mailboxes and compares what each sees with a model.
//
// A [Violation] prints the program, how far it was, what the disk did, and what the power cut decided. Where it shows a bug in the
// store, its program becomes a line of a test; where a new feature keeps a promise, it becomes a step of programs.
package storagetest
