package kernels

// Available returns the sets that this machine can run, the fastest last. The first is the generic one.
func Available() []*Set {
	return append([]*Set{Generic()}, native()...)
}

// Best returns the fastest set that this machine can run.
func Best() *Set {
	sets := Available()
	return sets[len(sets)-1]
}

// ByName returns the set of that name, or nil where this machine can't run it.
func ByName(name string) *Set {
	for _, s := range Available() {
		if s.Name == name {
			return s
		}
	}
	return nil
}
