// Package drill does what a host must do after a private key has leaked, in the order that leaves no gap, and goes on where it stopped if it is
// interrupted at any point. It knows no network and no database: who issues certificates, installs them, closes sessions and marks passwords is behind
// small interfaces.
//
//	d := &drill.Drill{Dir: "/var/lib/mail/drills/2030-12-31", Installer: files, Issuer: ca, Tickets: drill.TicketKeys{tickets}, Accounts: users, Sessions: server}
//	plan, err := d.Plan(ctx) // what would be done; touches nothing
//	plan, err = d.Run(ctx)   // does it; after an error or a crash, call it again
//
// # What is done
//
//  1. [Issue]: a new key for each certificate in use, and a certificate for it.
//  2. [Install]: it is served instead of the old one.
//  3. [Tickets]: all keys of session tickets are forgotten, so that no session that was opened under an old certificate is resumed.
//  4. [Passwords]: each password, app password and web session that is older than the last certificate's installation ends: before, it may have been
//     read with the key. Users who have changed theirs since keep it.
//  5. [Sessions]: connections that are open end; who was logged in must log in again, with a new password.
//  6. [Revoke]: the old certificates, reason keyCompromise.
//  7. [Check]: nothing is served with an old key any more.
//
// Tickets, passwords and sessions wait until all new certificates are installed, because what is typed before can be read by whoever has the old key. A
// step that fails does not keep those from being done that do not need it; nor does a failing revocation, which comes late because few clients
// look at it.
//
// # The log
//
// The folder [Drill.Dir] belongs to one incident. Its file "log" begins with the plan, is replaced or appended to so that a crash leaves it whole, and is
// synced after each step: a line of JSON a step, each with a checksum, to be kept as the record of what was done. Every step may be done twice
// without harm; the one that was interrupted is done again. New keys lie in the folder "pending", mode 0600, between their making and their
// installation.
package drill
