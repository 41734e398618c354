// Gen writes the assembly of the x86 kernels, for `go generate`. A tile kernel is the same dozen instructions for every
// row and column of its tile; here they are loops, and the registers have names.
//
//	go run ./internal/gen [DIR]
package main

import (
	"log"
	"os"
	"path/filepath"
)

// files are what is generated, by name.
var files = map[string]func() []byte{
	"pointwise_avx512_amd64.s": pointwise512,
}

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for name, generate := range files {
		if err := os.WriteFile(filepath.Join(dir, name), generate(), 0o666); err != nil {
			log.Fatal(err)
		}
	}
}
