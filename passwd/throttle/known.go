package throttle

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/mailhavn/mailhavn/passwd/internal/atomicfile"
)

const (
	maxDevices  = 8       // networks of an account
	maxAccounts = 100_000 // with known networks
)

// known are the networks from which accounts were used, with the time of the last login.
type known map[string]map[string]int64

func (k known) has(user, network string) bool {
	_, ok := k[user][network]
	return ok && network != ""
}

// add takes note of a login. Of too many networks the one that was used longest ago is forgotten.
func (k known) add(user, network string, now time.Time) {
	nets := k[user]
	if nets == nil {
		if len(k) >= maxAccounts {
			for other := range k { // any
				delete(k, other)
				break
			}
		}
		nets = map[string]int64{}
		k[user] = nets
	}
	nets[network] = now.Unix()
	if len(nets) > maxDevices {
		oldest := network
		for n, t := range nets {
			if t < nets[oldest] {
				oldest = n
			}
		}
		delete(nets, oldest)
	}
}

// Devices returns the networks from which a user has logged in, with the times of the last logins.
func (g *Guard) Devices(user string) map[string]time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	devices := map[string]time.Time{}
	for n, t := range g.known[user] {
		devices[n] = time.Unix(t, 0)
	}
	return devices
}

// Forget makes all networks of a user unknown, as after an incident.
func (g *Guard) Forget(user string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.known, user)
}

const magic = "mailhavn throttle 1\n"

// Save writes all counts and known networks to a file, atomically. It holds no passwords, only digests under a key that it holds, too;
// it should be as private as the user file, and is made with mode 0600.
func (g *Guard) Save(path string) error {
	data, err := g.encode(time.Now())
	if err != nil {
		return err
	}
	return atomicfile.Write(path, data)
}

func (g *Guard) encode(now time.Time) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var b bytes.Buffer
	b.Write(g.secret[:])
	for _, t := range g.tables() {
		if err := t.write(&b, now); err != nil {
			return nil, err
		}
	}
	if err := json.NewEncoder(&b).Encode(g.known); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b.Bytes())
	return append(append([]byte(magic), sum[:]...), b.Bytes()...), nil
}

func (g *Guard) tables() []*table { return []*table{&g.networks, &g.accounts, &g.pairs, &g.wrong} }

// Load returns a Guard with what Save wrote to a file; a new one if there is no such file. If the file is damaged the error says so, and the Guard
// is a new one.
func Load(path string) (*Guard, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return New(), nil
	}
	if err != nil {
		return New(), err
	}
	g := New()
	if err := g.decode(data); err != nil {
		return New(), fmt.Errorf("throttle: %s: %w", path, err)
	}
	return g, nil
}

func (g *Guard) decode(data []byte) error {
	body, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok || len(body) < sha256.Size+len(g.secret) {
		return errors.New("it is no file of this program")
	}
	sum, body := body[:sha256.Size], body[sha256.Size:]
	if sha256.Sum256(body) != [sha256.Size]byte(sum) {
		return errors.New("it is damaged")
	}
	copy(g.secret[:], body)
	r := bufio.NewReader(bytes.NewReader(body[len(g.secret):]))
	for _, t := range g.tables() {
		if err := t.read(r); err != nil {
			return err
		}
	}
	return json.NewDecoder(r).Decode(&g.known)
}
