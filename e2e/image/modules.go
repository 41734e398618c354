package image

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// copyModules copies the named modules and all that they depend on from a tree into one flat folder.
func copyModules(tree, to string, names []string) error {
	paths := map[string]string{}
	err := filepath.WalkDir(tree, func(path string, entry fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".ko") {
			paths[moduleName(path)] = path
		}
		return err
	})
	if err != nil {
		return err
	}
	find := func(name string) (string, bool) { path, ok := paths[name]; return path, ok }
	order, err := loadOrder(names, find)
	if err != nil {
		return err
	}
	for _, path := range order {
		if err := copyFile(path, filepath.Join(to, moduleName(path)+".ko")); err != nil {
			return err
		}
	}
	return nil
}

// LoadOrder returns the files of the named modules and of all that they depend on, in the order in which a kernel
// takes them.
func (s *Set) LoadOrder(names []string) ([]string, error) {
	return loadOrder(names, func(name string) (string, bool) {
		path := filepath.Join(s.Modules, name+".ko")
		_, err := os.Stat(path)
		return path, err == nil
	})
}

func loadOrder(names []string, find func(name string) (path string, ok bool)) ([]string, error) {
	var order []string
	var visit func(name string) error
	visit = func(name string) error {
		path, ok := find(name)
		if !ok {
			return fmt.Errorf("image: the kernel has no module %s", name)
		}
		if slices.Contains(order, path) {
			return nil
		}
		needs, err := dependencies(path)
		if err != nil {
			return err
		}
		for _, need := range needs {
			if err := visit(need); err != nil {
				return err
			}
		}
		order = append(order, path)
		return nil
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// dependencies reads "depends=a,b" from a module's .modinfo section, which holds strings that end in 0.
func dependencies(path string) ([]string, error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("image: %s: %w", path, err)
	}
	defer file.Close()
	section := file.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("image: %s: no .modinfo", path)
	}
	data, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("image: %s: %w", path, err)
	}
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		if list, ok := strings.CutPrefix(string(entry), "depends="); ok && list != "" {
			return strings.Split(strings.ReplaceAll(list, "-", "_"), ","), nil
		}
	}
	return nil, nil
}

// moduleName is the kernel's own name of the module in a file.
func moduleName(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_")
}
