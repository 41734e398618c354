package kernels

// candidate is a set for this architecture, and whether this machine can run it.
type candidate struct {
	set  *Set
	runs bool
}

// Names returns the names of all sets that are known on this architecture, whether this machine can run them or not, the
// fastest last.
func Names() []string {
	names := []string{Generic().Name}
	for _, c := range native() {
		names = append(names, c.set.Name)
	}
	return names
}

// Available returns the sets that this machine can run, the fastest last. The first is the generic one.
func Available() []*Set {
	sets := []*Set{Generic()}
	for _, c := range native() {
		if c.runs {
			sets = append(sets, c.set)
		}
	}
	return sets
}

// Best returns the fastest set that this machine can run.
func Best() *Set {
	sets := Available()
	return sets[len(sets)-1]
}

// ByName returns the set of that name, or nil if this machine can't run it.
func ByName(name string) *Set {
	for _, s := range Available() {
		if s.Name == name {
			return s
		}
	}
	return nil
}
