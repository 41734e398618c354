package kernels

import (
	"os"
	"syscall"
	"testing"
)

// newGuarded returns size bytes between two pages that can't be touched: an access outside of a slice that begins or
// ends there kills the test.
func newGuarded(tb testing.TB, size int) []byte {
	tb.Helper()
	page := os.Getpagesize()
	size = (size + page - 1) / page * page
	all, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		tb.Fatalf("mmap: %v", err)
	}
	tb.Cleanup(func() { syscall.Munmap(all) })
	for _, guard := range [][]byte{all[:page], all[page+size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			tb.Fatalf("mprotect: %v", err)
		}
	}
	return all[page : page+size : page+size]
}
