package autocrypt

import (
	"time"

	"github.com/mailhavn/mailhavn/pgp"
)

// Peer is what is known about another's address (section 2.2). The zero value is that nothing is.
type Peer struct {
	LastSeen        time.Time // the newest message, with header field or without
	Timestamp       time.Time // the newest with one
	Key             *pgp.Key
	Mutual          bool
	GossipTimestamp time.Time
	GossipKey       *pgp.Key
}

// Update takes in a message from the peer (section 2.3): when it was sent by its Date, but not later than it arrived; h is nil if no header field counts.
// Messages that are older than what is known change nothing.
func (p *Peer) Update(sent time.Time, h *Header) {
	if h == nil {
		if sent.After(p.LastSeen) {
			p.LastSeen = sent
		}
		return
	}
	if sent.Before(p.Timestamp) {
		return
	}
	if sent.After(p.LastSeen) {
		p.LastSeen = sent
	}
	p.Timestamp, p.Key, p.Mutual = sent, h.Key, h.Mutual
}

// UpdateGossip takes in what somebody else said about the peer in an encrypted message (section 2.5).
func (p *Peer) UpdateGossip(sent time.Time, h Header) {
	if !sent.Before(p.GossipTimestamp) {
		p.GossipTimestamp, p.GossipKey = sent, h.Key
	}
}

// Recommendation says what a mail program offers for a message (section 2.4).
type Recommendation int

// The recommendations, weakest first. For several recipients the weakest counts, but Encrypt needs all of them.
const (
	Disable    Recommendation = iota // it cannot be encrypted
	Discourage                       // it can, but the peer may not be able to read it
	Available                        // it can
	Encrypt                          // it should
)

// stale is after how long without a header field a key is discouraged.
const stale = 35 * 24 * time.Hour

// Recommend gives the recommendation for a message to the peer, and the key for it. mutual is the user's own preference; reply says that the message answers an
// encrypted one, which is never to be answered in clear.
func (p *Peer) Recommend(mutual, reply bool, at time.Time) (Recommendation, *pgp.Key) {
	preliminary, key := p.preliminary(at)
	switch {
	case preliminary == Disable:
		return Disable, nil
	case reply, preliminary == Available && p.Mutual && mutual && key == p.Key:
		return Encrypt, key
	}
	return preliminary, key
}

func (p *Peer) preliminary(at time.Time) (Recommendation, *pgp.Key) {
	if p.Key != nil && p.Key.CanEncrypt(at) == nil {
		if p.LastSeen.Sub(p.Timestamp) > stale {
			return Discourage, p.Key
		}
		return Available, p.Key
	}
	if p.GossipKey != nil && p.GossipKey.CanEncrypt(at) == nil {
		return Discourage, p.GossipKey
	}
	return Disable, nil
}

// RecommendAll gives the recommendation for a message to several (section 2.4).
func RecommendAll(each ...Recommendation) Recommendation {
	if len(each) == 0 {
		return Disable
	}
	weakest := Encrypt
	for _, r := range each {
		weakest = min(weakest, r)
	}
	return weakest
}
