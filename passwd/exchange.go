package passwd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/passwd/hash"
)

// Format is how another program keeps users.
type Format string

// The formats. Lines that begin with "#" are comments in all of them.
const (
	DovecotFile Format = "dovecot"  // passwd-file: user:{SCHEME}password:uid:gid:gecos:home:shell:extra
	Htpasswd    Format = "htpasswd" // Apache and nginx: user:hash
	Shadow      Format = "shadow"   // /etc/shadow: user:hash:changed:min:max:warn:inactive:expire:
)

// ReadUsers reads the users of another program. A line that cannot be used is in problems and quotes no hash; the error is one of reading.
// Passwords in clear are hashed with hasher; all others are kept as they are, and become today's when their users log in.
//
// Taken over are name, password, whether the user may log in (a hash that begins with "!" or "*" is none, in shadow files), and the day on which
// the account expires. System users without a password are left out.
func ReadUsers(ctx context.Context, r io.Reader, format Format, hasher *Hasher) (users []Record, problems []*LineError, err error) {
	read, ok := map[Format]func([]string) (Record, string){DovecotFile: readDovecot, Htpasswd: readHtpasswd, Shadow: readShadow}[format]
	if !ok {
		return nil, nil, fmt.Errorf("passwd: there is no format %q", format)
	}
	number := 0
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		number++
		text := strings.TrimSuffix(s.Text(), "\r")
		if strings.TrimSpace(text) == "" || text[0] == '#' {
			continue
		}
		record, fault := read(splitUser(text, format))
		if fault == "" && record.Hash.Scheme() == "" {
			continue // no password at all
		}
		if fault == "" {
			fault = record.complete(ctx, hasher)
		}
		if fault != "" {
			problems = append(problems, &LineError{File: string(format), Line: number, Reason: fault})
			continue
		}
		users = append(users, record)
	}
	return users, problems, s.Err()
}

// splitUser parts a line at ":". In a Dovecot file the password may contain some, behind "{PLAIN}" for instance, if it is the last field.
func splitUser(text string, format Format) []string {
	if format == DovecotFile && strings.Count(text, ":") < 7 {
		return strings.SplitN(text, ":", 2)
	}
	return strings.Split(text, ":")
}

// complete makes a record fit for a user file.
func (r *Record) complete(ctx context.Context, hasher *Hasher) string {
	name, err := CanonicalName(r.Name)
	var bad *NameError
	if errors.As(err, &bad) {
		return "the name cannot be used: " + bad.Reason
	}
	r.Name = name
	if _, password, ok := strings.Cut(r.Hash.String(), "}"); ok && isClear(r.Hash.Scheme()) {
		p, err := hasher.newPassword(ctx, *r, password)
		if err != nil {
			return "the password cannot be used: " + err.Error()
		}
		state := r.State
		r.setPassword(p)
		r.State = state
	}
	if strings.Contains(r.Hash.String(), ":") {
		return `the hash contains ":"`
	}
	return ""
}

func isClear(scheme string) bool {
	return scheme == "PLAIN" || scheme == "CLEAR" || scheme == "CLEARTEXT"
}

func readDovecot(f []string) (r Record, fault string) {
	if len(f) < 2 || f[1] == "" {
		return r, ""
	}
	r.User = User{Name: f[0], State: Active}
	return r, r.parse(f[1])
}

func readHtpasswd(f []string) (r Record, fault string) {
	if len(f) != 2 {
		return r, "it has not the form user:hash"
	}
	r.User = User{Name: f[0], State: Active}
	return r, r.parse(f[1])
}

func readShadow(f []string) (r Record, fault string) {
	if len(f) < 8 {
		return r, "it has fewer fields than a line of a shadow file"
	}
	r.User = User{Name: f[0], State: Active}
	text, locked := strings.CutPrefix(f[1], "!")
	if text = strings.TrimPrefix(text, "!"); text == "" || strings.HasPrefix(text, "*") {
		return r, ""
	}
	if locked {
		r.State = Disabled
	}
	if day, err := strconv.Atoi(f[7]); err == nil {
		r.setAttribute(expiresKey, time.Unix(int64(day)*24*60*60, 0).UTC().Format(time.RFC3339))
	}
	if day, err := strconv.Atoi(f[2]); err == nil && day == 0 {
		r.State = MustChange // shadow(5): at the next login
	}
	return r, r.parse(text)
}

func (r *Record) parse(text string) (fault string) {
	h, err := hash.Parse(text)
	if err != nil {
		return err.Error()
	}
	r.Hash = h
	return ""
}

// WriteUsers writes users for another program, and returns the names of those that it would not understand: of hashes without a scheme
// there, and of states that are not. Dovecot gets everything that it verifies, shadow files those of crypt(3), Apache bcrypt and its own.
func WriteUsers(w io.Writer, format Format, users []Record) (left []string, err error) {
	b := bufio.NewWriter(w)
	for _, u := range users {
		line, ok := u.line(format)
		if !ok {
			left = append(left, u.Name)
			continue
		}
		b.WriteString(line + "\n")
	}
	return left, b.Flush()
}

// crypts are the schemes that crypt(3) of today's Linux systems verifies.
var crypts = map[string]bool{"BLF-CRYPT": true, "SHA256-CRYPT": true, "SHA512-CRYPT": true, "MD5-CRYPT": true, "YESCRYPT": true, "SCRYPT": true, "DES-CRYPT": true, "SUNMD5": true, "BSDICRYPT": true, "NT": true, "SHA1-CRYPT": true}

// line returns the line of a user.
func (r Record) line(format Format) (text string, ok bool) {
	text, scheme := r.Hash.String(), r.Hash.Scheme()
	bare := text
	if i := strings.IndexByte(text, '}'); strings.HasPrefix(text, "{") {
		bare = text[i+1:]
	}
	switch format {
	case DovecotFile:
		if bare == text && (scheme == "ARGON2ID" || scheme == "ARGON2I") {
			text = "{" + scheme + "}" + text
		} else if bare == text {
			text = "{CRYPT}" + text
		}
		return r.Name + ":" + text + "::::::", r.State == Active && scheme != "APR1"
	case Htpasswd:
		if scheme == "SHA" || scheme == "SHA1" {
			bare = "{SHA}" + bare
		}
		return r.Name + ":" + bare, r.State == Active && (scheme == "BLF-CRYPT" || scheme == "APR1" || scheme == "SHA" || scheme == "SHA1" || scheme == "DES-CRYPT")
	case Shadow:
		if r.State == Disabled {
			bare = "!" + bare
		}
		expire, changed := "", "1"
		if t := r.Expiry(); !t.IsZero() {
			expire = strconv.FormatInt(t.Unix()/(24*60*60), 10)
		}
		if r.State == MustChange {
			changed = "0"
		}
		return fmt.Sprintf("%s:%s:%s:0:99999:7::%s:", r.Name, bare, changed, expire), crypts[scheme]
	}
	return "", false
}

// Import adds users to the file, all in one change, and returns the names of those that are there already and stay as they are.
func (f *File) Import(ctx context.Context, users []Record) (left []string, err error) {
	err = f.change(ctx, func(t *table) (string, error) {
		left = nil
		lines := t.lines[:len(t.lines):len(t.lines)]
		known := map[string]bool{}
		for _, u := range users {
			if t.absent(u.Name) != nil || known[u.Name] {
				left = append(left, u.Name)
				continue
			}
			known[u.Name] = true
			l := line{user: u.User, hash: u.Hash, attr: formatAttributes(u.Attributes)}
			l.text = l.format()
			if err := parseLine(l.text).asError(); err != nil {
				return "", fmt.Errorf("%s: %w", u.Name, err)
			}
			lines = append(lines, l)
		}
		return join(lines), nil
	})
	return left, err
}

// Records returns all users with their hashes, sorted by name, for [WriteUsers].
func (f *File) Records() ([]Record, error) {
	users, err := f.List()
	if err != nil {
		return nil, err
	}
	var records []Record
	for _, u := range users {
		r, err := f.Get(context.Background(), u.Name)
		if errors.Is(err, ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}
