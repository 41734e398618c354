// Package licences holds the licence of everything that is inside the program: of its own source, of Go's, of every module
// that is linked in, of the network and of its labels. Most of these licences want to travel with the binary.
package licences

import _ "embed"

// Text is all of them, one after the other, each with the name and version of what it is for.
//
//go:generate go run ./gen
//go:embed licences.txt
var Text string
