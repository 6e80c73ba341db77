// Package throttle slows down those who guess passwords, without letting them lock anybody out. A [Guard] is shared by all protocols of a
// server; it implements the Guard of package passwd.
//
// Failed attempts are counted
//
//   - by network, at three widths: IPv4 /32, /26 and /21, IPv6 /64, /48 and /32, for attempts on any account;
//   - by account, for attempts from any network: at most 94 a day, so that a password that is not among the commonest is safe from being
//     guessed from many places at a time;
//   - by both, for networks from which the account's owner has logged in before. Only this count holds for them: whatever strangers do,
//     the owner's known devices are let in.
//
// Successes and failures of the server itself do not count. A wrong password that is tried again and again, as a telephone does after its owner has
// changed the password elsewhere, counts once a day. An attempt is counted when it begins, so many at a time do not help.
//
// The numbers are for networks, not people: a NAT with a hundred users shares one. Everything is in tables of a fixed size (24 MiB) which forget
// first what was seen least; [Guard.Save] and [Load] carry it over a restart.
package throttle
