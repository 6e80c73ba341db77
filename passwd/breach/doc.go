// Package breach tells whether a password is known from a data breach, without asking anybody: it looks it up in a file that [Build] makes
// of the lists of Have I Been Pwned, or of any ordered list of SHA-1 or NTLM hashes.
//
// The file holds a binary fuse filter: 18 bits for each hash (9 with Options.Bits of 8), so 1.9 GB for the 847 million of 2023. It has no
// false negatives; of passwords that are in no list one in 65,536 (256) is taken for one that is. The file is mapped into
// memory; a look-up reads three pieces of 512 bytes, each with a checksum: a damaged or truncated file gives errors, never wrong answers. [Filter.Verify] reads all of it.
//
// Building reads the lists once and in order, and takes some 150 MB of memory. New hashes go into a file of their own (Options.Except), so
// that the large one need not be built anew; [Open] opens several as one.
package breach
