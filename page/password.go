package page

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A password is kept as pbkdf2-sha256$ROUNDS$SALT$KEY, the last two in base64. PBKDF2 is in Go's standard library; what it
// lacks against argon2, that guessing takes memory too, matters when hashes get lost, and these lie beside the camera.

// rounds is what OWASP's Password Storage Cheat Sheet asks of PBKDF2 with SHA-256 (2023); 0.2 s on a desktop, about a
// second on a Raspberry Pi 3. It is computed once for each password that comes, not for each request.
const rounds = 600_000

const (
	leastPassword = 10
	mostPassword  = 256
	mostRounds    = 10_000_000
)

// HashPassword returns the hash of a password that the configuration keeps.
func HashPassword(password string) (string, error) {
	if n := len(password); n < leastPassword || n > mostPassword {
		return "", fmt.Errorf("a password of %d bytes: %d to %d, please", n, leastPassword, mostPassword)
	}
	salt := make([]byte, 16)
	rand.Read(salt)
	key, err := pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size)
	if err != nil {
		return "", err
	}
	text := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("pbkdf2-sha256$%d$%s$%s", rounds, text(salt), text(key)), nil
}

// hash is a password as it is kept.
type hash struct {
	rounds    int
	salt, key []byte
}

var errHash = errors.New("not what edge password writes")

func parseHash(text string) (*hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 4 || parts[0] != "pbkdf2-sha256" {
		return nil, errHash
	}
	h := new(hash)
	var err error
	if h.rounds, err = strconv.Atoi(parts[1]); err != nil || h.rounds < 1 || h.rounds > mostRounds {
		return nil, errHash
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[2]); err != nil || len(h.salt) < 8 {
		return nil, errHash
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[3]); err != nil || len(h.key) != sha256.Size {
		return nil, errHash
	}
	return h, nil
}

// fits says whether a password is this one, in a time that doesn't depend on how much of it is right.
func (h *hash) fits(password string) bool {
	if len(password) > mostPassword {
		return false
	}
	key, err := pbkdf2.Key(sha256.New, password, h.salt, h.rounds, len(h.key))
	return err == nil && subtle.ConstantTimeCompare(key, h.key) == 1
}
