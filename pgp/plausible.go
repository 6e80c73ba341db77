package pgp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/cast5" //lint:ignore SA1019 what GnuPG 2.0 encrypted to passwords by default
)

// blockCiphers are those of SEIPD version 1 (RFC 9580, section 9.3).
var blockCiphers = map[packet.CipherFunction]func(key []byte) (cipher.Block, error){
	packet.Cipher3DES:   des.NewTripleDESCipher,
	packet.CipherCAST5:  func(key []byte) (cipher.Block, error) { return cast5.NewCipher(key) },
	packet.CipherAES128: aes.NewCipher,
	packet.CipherAES192: aes.NewCipher,
	packet.CipherAES256: aes.NewCipher,
}

// plausible reports whether a key that came from a password can be that of the message. The password of a version 4 packet proves nothing of itself: a wrong
// one gives some key too. What tells is that SEIPD version 1 begins with random octets of which the last two come twice (RFC 9580, section 5.13.1).
// Keys of private keys are not tried so: an answer by these two octets would be an oracle for them (section 13.4).
func (e *envelope) plausible(function packet.CipherFunction, key []byte) bool {
	construct := blockCiphers[function]
	if e.authenticated || construct == nil {
		return true
	}
	block, err := construct(key)
	if err != nil {
		return false
	}
	size := block.BlockSize()
	prefix, err := e.contents.Peek(size + 2)
	if err != nil {
		return true // reading it will say what is wrong
	}
	first, second := make([]byte, size), make([]byte, size)
	block.Encrypt(first, first)
	block.Encrypt(second, prefix[:size])
	return first[size-2]^prefix[size-2] == second[0]^prefix[size] && first[size-1]^prefix[size-1] == second[1]^prefix[size+1]
}
