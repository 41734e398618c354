// Gen writes the assembly of the x86 kernels, for `go generate`. A tile kernel is the same dozen instructions for every
// row and column of its tile; here they are loops, and the registers have names.
//
//	go run ./internal/gen [DIR]
package main

import (
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for name, content := range generate() {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			log.Fatal(err)
		}
	}
}

// generate returns what all files hold, by name.
func generate() map[string][]byte {
	assembly := map[string]*code{
		"pointwise_avx512_amd64.s":  pointwise512(),
		"depthwise_avx512_amd64.s":  depthwise512(),
		"pointwise_avx2_amd64.s":    pointwiseAVX2(),
		"pointwise_chains_amd64.s":  pointwiseChains(),
		"add_amd64.s":               addFile(),
		"depthwise_avx2_amd64.s":    depthwiseAVX2(),
		"pointwise_avxvnni_amd64.s": pointwiseVEX(),
		"depthwise_avxvnni_amd64.s": depthwiseVEX(),
	}
	files := map[string][]byte{}
	var all []*code
	for _, name := range slices.Sorted(maps.Keys(assembly)) {
		files[name] = assembly[name].Bytes()
		all = append(all, assembly[name])
	}
	files["declarations_amd64.go"] = declared(all)
	return files
}
