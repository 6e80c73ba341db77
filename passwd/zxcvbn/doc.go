// Package zxcvbn estimates how many guesses a password withstands, by the model of zxcvbn 4.4.2
// (https://www.usenix.org/conference/usenixsecurity16/technical-sessions/presentation/wheeler): common passwords, words and names,
// also reversed and with l33t substitutions, keyboard walks, repeats, sequences, years and dates, and their cheapest combination.
//
// It gives the same number of guesses and the same score as the JavaScript original of that version, bit for bit, for every
// password of at most [MaxLength] UTF-16 units; so a page that rates what one types and a server that rates what was sent agree. Three things
// follow from that aim:
//
//   - A password is a string of UTF-16 units, as in JavaScript.
//   - The words "constructor" and "__proto__" are never found as a whole, since the original takes them for properties of objects.
//   - Powers are rounded as by the engine of Node.js 20; other engines differ in the last bit of some numbers of guesses.
//
// The analysis of a longer password takes more than linear time, so it stops after MaxLength units; what follows can only make the
// password stronger and is not counted.
//
// All functions may be called by many goroutines. The first call loads the word lists, which takes some 50 ms and 4 MB.
package zxcvbn
