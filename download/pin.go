package download

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Pin says which bytes a file must have.
type Pin struct {
	Name   string // without a folder
	Size   int64
	SHA256 string // 64 lower-case hexadecimal digits
}

// PinOf returns the pin of a file that has these bytes.
func PinOf(name string, data []byte) Pin {
	sum := sha256.Sum256(data)
	return Pin{name, int64(len(data)), hex.EncodeToString(sum[:])}
}

// lockHeader begins each lock file.
const lockHeader = "# What edge model get found at its first download; later ones must be the same. name, bytes, SHA-256\n"

// maxPins and maxPinName are far above what the catalogue has.
const (
	maxPins    = 1000
	maxPinName = 100
)

// ParsePins reads a lock file: one pin a line, as "name size sha256"; lines that are empty or begin with # don't count.
// Errors begin with file and line.
func ParsePins(file string, data []byte) ([]Pin, error) {
	var pins []Pin
	number := 0
	for line := range bytes.Lines(data) {
		number++
		fields := strings.Fields(string(line))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		pin, ok := parsePin(fields)
		if !ok {
			return nil, fmt.Errorf("%s:%d: %.100q isn't of the form NAME BYTES SHA-256: mend the line, or remove it",
				file, number, bytes.TrimSpace(line))
		}
		if slices.ContainsFunc(pins, func(p Pin) bool { return p.Name == pin.Name }) {
			return nil, fmt.Errorf("%s:%d: %s is there twice: remove one of the lines", file, number, pin.Name)
		}
		if pins = append(pins, pin); len(pins) > maxPins {
			return nil, fmt.Errorf("%s:%d: more than %d lines", file, number, maxPins)
		}
	}
	return pins, nil
}

func parsePin(fields []string) (Pin, bool) {
	if len(fields) != 3 || len(fields[0]) > maxPinName || !isPlain(fields[0]) {
		return Pin{}, false
	}
	size, err := strconv.ParseInt(fields[1], 10, 64)
	sum, notHex := hex.DecodeString(fields[2])
	ok := err == nil && size >= 0 && notHex == nil && len(sum) == sha256.Size
	return Pin{fields[0], size, strings.ToLower(fields[2])}, ok
}

// isPlain reports whether a name is made of letters, digits and the signs that names of models have.
func isPlain(name string) bool {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+"
	return strings.Trim(name, plain) == ""
}

// FormatPins writes a lock file, sorted by name.
func FormatPins(pins []Pin) []byte {
	pins = slices.SortedFunc(slices.Values(pins), func(a, b Pin) int { return strings.Compare(a.Name, b.Name) })
	text := []byte(lockHeader)
	for _, p := range pins {
		text = fmt.Appendf(text, "%s %d %s\n", p.Name, p.Size, p.SHA256)
	}
	return text
}
