package storagetest

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
)

// Program is a row of operations on a unit, each a line of words:
//
//	append BOX SIZE,... [FLAGS]       messages of these sizes, all or none; FLAGS as in \Seen,$Work
//	forward BOX SIZE                  one message, taken in for "anna" and given to the account of BOX
//	store BOX WHICH +FLAGS            also -FLAGS and =FLAGS
//	expunge BOX WHICH                 those of them with \Deleted
//	copy BOX WHICH BOX
//	move BOX WHICH BOX
//	replace BOX WHICH BOX SIZE        the first of them by one new message
//	create BOX [USE]                  USE is a number, the bits of storage.SpecialUse
//	delete BOX
//	rename BOX BOX
//	subscribe BOX, unsubscribe BOX
//	recent BOX                        claims what is \Recent
//	account-create NAME, account-remove NAME, account-rename NAME NAME, account-alias NAME [ALIAS,...]
//	checkpoint
//	wait                              for a second and a half, in which the store tries again what it could not do
//	reopen                            closes the unit and opens it
//	kill                              opens the unit as after kill -9: what is written is there, synced or not
//	cut                               opens the unit after a power cut
//
// BOX is the name of a mailbox of the account "anna", or "name:mailbox" of another. WHICH selects by place: "2", "1:3",
// "last", "all", "odd". What is not there is passed over or answered by the error that package storage documents, so
// a program stays one when lines are left out.
type Program []string

func (p Program) String() string { return strings.Join(p, "\n") }

// Alphabet is a small set of operations that touch each other in every way, for [Explorer.Exhaust]: on the unit
// that [Prelude] makes.
func Alphabet() Program {
	return Program{
		`append INBOX 100 $Work`,
		`append A 100,700,50 \Seen`,
		`append INBOX 70000`,
		`store INBOX all +\Deleted,$Work`,
		`store A last -\Seen`,
		`expunge INBOX all`,
		`copy INBOX all A`,
		`copy A 1:2 INBOX`,
		`move INBOX 1:2 A`,
		`move A odd A`,
		`move A all INBOX`,
		`replace INBOX last INBOX 80`,
		`create A/B`,
		`delete A`,
		`rename A B`,
		`rename B A`,
		`rename INBOX A`,
		`create A`,
		`subscribe B`,
		`recent INBOX`,
		`account-remove bob`,
		`account-create bob`,
		`account-rename bob carl`,
		`checkpoint`,
		`reopen`,
	}
}

// Prelude makes a unit that Alphabet finds interesting: mail with and without flags and keywords, tombstones, subscriptions, a second
// account.
func Prelude() Program {
	return Program{
		`append INBOX 100,200 \Seen,$Work`,
		`append INBOX 400 $Old`,
		`append INBOX 300`,
		`store INBOX 2 +\Deleted`,
		`expunge INBOX all`,
		`store INBOX last +\Deleted`,
		`create A`,
		`append A 50,60`,
		`copy INBOX 1 A`,
		`subscribe Lists`,
		`recent INBOX`,
		`account-create bob`,
		`append bob:INBOX 10`,
	}
}

// Random returns a program of n operations.
func Random(rng *rand.Rand, n int) Program {
	p := make(Program, n)
	for i := range p {
		p[i] = randomStep(rng)
	}
	return p
}

// Sequences yields every sequence of up to n operations of p, each once: the shorter first, those of one length shuffled.
func (p Program) Sequences(rng *rand.Rand, n int) iter.Seq[Program] {
	return func(yield func(Program) bool) {
		count := 1
		for length := 1; length <= n; length++ {
			count *= len(p)
			for _, k := range rng.Perm(count) {
				sequence := make(Program, length)
				for i := range sequence {
					sequence[i] = p[k%len(p)]
					k /= len(p)
				}
				if !yield(sequence) {
					return
				}
			}
		}
	}
}

// RandomConcurrent is Random without the operations that stop the unit: for programs that run side by side. It begins by
// making mailboxes.
func RandomConcurrent(rng *rand.Rand, n int) Program {
	p := Program{"create INBOX", "create A", "account-create bob"}
	for len(p) < n {
		switch step := randomStep(rng); step {
		case "reopen", "kill", "cut":
		default:
			p = append(p, step)
		}
	}
	return p
}

// randomSteps are forms of operations with how often they come; %b is a mailbox, %w a selection, %f flags, %s sizes.
var randomSteps = []struct {
	weight int
	form   string
}{
	{14, "append %b %s %f"}, {4, "append %b %s,%s,%s %f"}, {1, "append %b 70000 %f"}, {1, "append %b 66000,20,90000 %f"},
	{2, "forward %b %s"}, {1, "forward %b 70000"},
	{8, "store %b %w +%f"}, {3, "store %b %w -%f"}, {3, "store %b %w =%f"}, {4, `store %b %w +\Deleted`},
	{6, "expunge %b %w"}, {6, "copy %b %w %b"}, {8, "move %b %w %b"},
	{2, "replace %b %w %b %s"}, {1, "replace %b %w %b 70000"},
	{4, "create %n"}, {1, "create %n 32"}, {4, "delete %n"}, {5, "rename %n %n"}, {1, "rename INBOX %n"},
	{2, "subscribe %n"}, {1, "unsubscribe %n"}, {2, "recent %b"},
	{1, "account-create bob"}, {1, "account-remove bob"}, {1, "account-rename bob carl"}, {1, "account-rename carl bob"},
	{1, "account-alias anna ann,an"}, {1, "account-alias anna"},
	{7, "checkpoint"}, {2, "reopen"}, {1, "kill"}, {1, "cut"},
}

func randomStep(rng *rand.Rand) string {
	total := 0
	for _, s := range randomSteps {
		total += s.weight
	}
	n := rng.IntN(total)
	for _, s := range randomSteps {
		if n -= s.weight; n < 0 {
			return fillStep(rng, s.form)
		}
	}
	panic("unreachable: the weights add up")
}

func fillStep(rng *rand.Rand, form string) string {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	var b strings.Builder
	for i := 0; i < len(form); i++ {
		if form[i] != '%' {
			b.WriteByte(form[i])
			continue
		}
		i++
		switch form[i] {
		case 'b':
			b.WriteString(pick("INBOX", "INBOX", "INBOX", "A", "A", "B", "A/B", "Trash", "bob:INBOX", "carl:INBOX"))
		case 'n':
			b.WriteString(pick("A", "B", "C", "A/B", "B/A", "A/B/C", "INBOX/A", "Ü.&", "Trash", "bob:A"))
		case 'w':
			b.WriteString(pick("1", "2", "1:3", "last", "all", "odd"))
		case 'f':
			b.WriteString(pick(`\Seen`, `\Deleted`, `\Seen,\Deleted`, `\Flagged,\Answered`, `$Work`, `$work,$Home`, `\Draft,$Home`))
		case 's':
			fmt.Fprint(&b, []int{1, 40, 300, 900, 5000}[rng.IntN(5)])
		}
	}
	return b.String()
}
