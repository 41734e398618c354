// Gen writes the assembly of the x86 kernels, and the Go declarations of all kernels, for `go generate`. A tile kernel is
// the same dozen instructions for every row and column of its tile; here they are loops, and the registers have names.
//
//	go run ./internal/gen [DIR]
package main

import (
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	files, err := generate(dir)
	if err != nil {
		log.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			log.Fatal(err)
		}
	}
}

// generate returns what all generated files hold, by name. The kernels that are written by hand are in dir.
func generate(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, code := range map[string]*code{
		"pointwise_avx512vnni_amd64.s": pointwiseAVX512VNNI(),
		"depthwise_avx512vnni_amd64.s": depthwiseAVX512VNNI(),
		"pointwise_avx2_amd64.s":       pointwiseAVX2(),
		"pointwise_chains_amd64.s":     pointwiseChains(),
		"depthwise_avx2_amd64.s":       depthwiseAVX2(),
		"pointwise_avxvnni_amd64.s":    pointwiseAVXVNNI(),
		"depthwise_avxvnni_amd64.s":    depthwiseAVXVNNI(),
		"add_amd64.s":                  addFile(),
		"multiply_amd64.s":             multiplyFile(),
		"table_amd64.s":                tableFile(),
	} {
		files[name] = code.Bytes()
	}
	for _, arch := range []string{"amd64", "arm64"} {
		byHand, err := filepath.Glob(filepath.Join(dir, "*_"+arch+".s"))
		if err != nil {
			return nil, err
		}
		assembly := map[string][]byte{}
		for _, path := range byHand {
			name := filepath.Base(path)
			if files[name] != nil {
				continue
			}
			if assembly[name], err = os.ReadFile(path); err != nil {
				return nil, err
			}
		}
		for name, content := range files {
			if strings.HasSuffix(name, "_"+arch+".s") {
				assembly[name] = content
			}
		}
		declarationsFile := "declarations_" + arch + ".go"
		if files[declarationsFile], err = declarations(assembly); err != nil {
			return nil, err
		}
	}
	return files, nil
}
