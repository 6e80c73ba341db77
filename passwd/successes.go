package passwd

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// maxRemembered bounds the successes that are kept.
const maxRemembered = 10_000

// success stands for a user, a stored hash and the password of it.
type success [sha256.Size]byte

// successes are logins of the last time.
type successes struct {
	once   sync.Once
	secret [32]byte

	mu    sync.Mutex // guards the following field
	until map[success]time.Time
}

func (s *successes) key(user, stored, password string) (k success) {
	s.once.Do(func() { rand.Read(s.secret[:]) }) // never fails
	mac := hmac.New(sha256.New, s.secret[:])
	for _, part := range []string{user, stored, password} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	mac.Sum(k[:0])
	return k
}

func (s *successes) has(k success) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.until[k])
}

func (s *successes) add(k success, keep time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.until) >= maxRemembered {
		s.until = nil // those who are still there cost one hash each
	}
	if s.until == nil {
		s.until = map[success]time.Time{}
	}
	s.until[k] = time.Now().Add(keep)
}
