//go:build !linux

package kernels

import "testing"

// newGuarded returns size bytes; guard pages are for Linux only.
func newGuarded(_ testing.TB, size int) []byte { return make([]byte, size) }
