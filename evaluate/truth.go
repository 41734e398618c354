package evaluate

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"edge/decision"
	"edge/internal/files"
)

// Truth knows which class a picture shows, by the key that its path begins with: the folder it lies in, or the INDEX
// of a name like 017_jay.jpg.
type Truth struct {
	dir     string
	classes int
	// shift is what is added to an INDEX: 1 if the network's class 0 is the background, since sets of pictures
	// don't count that.
	shift   int
	folders map[string]int // what a folder means
	mapping map[string]int // what --map says; nil without it
	from    string         // the map's file
}

// ErrUnmapped is for pictures of classes that a map leaves out.
var ErrUnmapped = errors.New("the map doesn't name its class")

// NewTruth finds out what the folders in dir mean, in which files lie, sorted: what the map says; or else the label, or the
// index, that is their name; or else, if there are as many of them as classes, their place in the alphabet, as in
// torchvision and Keras.
func NewTruth(dir string, files []string, mapFile string, o decision.Output) (*Truth, error) {
	t := &Truth{dir: dir, classes: o.Classes, folders: map[string]int{}, from: mapFile}
	if o.HasBackground() {
		t.shift = 1
	}
	names := namesOf(o.Labels)
	if mapFile != "" {
		var err error
		t.mapping, err = readMap(mapFile, o.Classes, names)
		return t, err
	}
	var folders []string
	for _, file := range files {
		folder := t.folderOf(file)
		if folder == "" || slices.Contains(folders[max(len(folders)-1, 0):], folder) { // files are sorted
			continue
		}
		folders = append(folders, folder)
		class, ok := names[normalName(folder)] // before the index: a class may be called "7"
		if !ok || class == ambiguous {
			class, ok = t.index(folder)
		}
		if ok {
			t.folders[folder] = class
		}
	}
	if len(t.folders) == 0 && len(folders) == o.Classes-t.shift {
		slices.Sort(folders)
		for i, folder := range folders {
			t.folders[folder] = i + t.shift
		}
	}
	return t, nil
}

// ClassOf returns the class that a file shows, or ErrUnmapped. Other errors name the file.
func (t *Truth) ClassOf(file string) (int, error) {
	folder := t.folderOf(file)
	key := folder
	if folder == "" {
		key, _, _ = strings.Cut(filepath.Base(file), "_")
	}
	if t.mapping != nil {
		if class, ok := t.mapping[mapKey(key)]; ok {
			return class, nil
		}
		return 0, ErrUnmapped
	}
	if folder != "" {
		if class, ok := t.folders[folder]; ok {
			return class, nil
		}
		return 0, fmt.Errorf("%s: the folder %q is neither the index of a class nor one's label: say by --map what it means",
			file, folder)
	}
	if class, ok := t.index(key); ok {
		return class, nil
	}
	if _, err := strconv.Atoi(key); err == nil {
		return 0, fmt.Errorf("%s: INDEX %s: the network has %d classes", file, key, t.classes-t.shift)
	}
	return 0, fmt.Errorf("%s: its class can't be told: neither in a folder of one class nor named INDEX_…", file)
}

// folderOf is the folder in the directory of all pictures that a file lies in, empty for those beside the folders.
func (t *Truth) folderOf(file string) string {
	rest, err := filepath.Rel(t.dir, file)
	if err != nil {
		return ""
	}
	folder, _, found := strings.Cut(rest, string(filepath.Separator))
	if !found {
		return ""
	}
	return folder
}

// index reads an INDEX and returns the network's class.
func (t *Truth) index(key string) (int, bool) {
	i, err := strconv.ParseUint(key, 10, 31)
	class := int(i) + t.shift
	return class, err == nil && class < t.classes
}

// ambiguous stands for a name that several classes have, as the two cranes of ImageNet.
const ambiguous = -1

// namesOf finds classes by label: by all of it, or by one of the synonyms that it lists.
func namesOf(labels []string) map[string]int {
	names := map[string]int{}
	for class, label := range labels {
		for _, name := range append(strings.Split(label, ","), label) {
			name = normalName(name)
			if before, ok := names[name]; ok && before != class {
				names[name] = ambiguous
				continue
			}
			names[name] = class
		}
	}
	return names
}

// normalName makes Golden_Retriever and golden retriever the same.
func normalName(name string) string {
	return strings.ToLower(strings.TrimSpace(strings.ReplaceAll(name, "_", " ")))
}

// mapKey makes 007 and 7 the same.
func mapKey(key string) string {
	if i, err := strconv.ParseUint(key, 10, 31); err == nil {
		return strconv.FormatUint(i, 10)
	}
	return key
}

// maxMapFile is far above the 40 KB of a thousand long names.
const maxMapFile = 1 << 20

// readMap reads lines KEY CLASS, with blanks, a tab, "," or "=" between. A key with blanks in it needs one of the
// latter. Empty lines and those that begin with # don't count.
func readMap(name string, classes int, names map[string]int) (map[string]int, error) {
	data, err := files.Read(name, maxMapFile)
	if err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	mapping := map[string]int{}
	for i, line := range strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := cutMapLine(line)
		if !ok {
			return nil, fmt.Errorf("%s:%d: want a folder or INDEX and a class, found %.40q", name, i+1, line)
		}
		class, err := strconv.Atoi(value)
		if err != nil {
			var known bool
			class, known = names[normalName(value)]
			if !known || class == ambiguous {
				return nil, fmt.Errorf("%s:%d: no class, or more than one, has the label %.40q: give its index",
					name, i+1, value)
			}
		}
		if class < 0 || class >= classes {
			return nil, fmt.Errorf("%s:%d: class %d: the network has 0 to %d", name, i+1, class, classes-1)
		}
		if before, ok := mapping[mapKey(key)]; ok && before != class {
			return nil, fmt.Errorf("%s:%d: %q is class %d further up", name, i+1, key, before)
		}
		mapping[mapKey(key)] = class
	}
	if len(mapping) == 0 {
		return nil, fmt.Errorf("%s: nothing in it: want lines with a folder or INDEX and a class", name)
	}
	return mapping, nil
}

func cutMapLine(line string) (key, value string, ok bool) {
	at := strings.IndexAny(line, "\t=")
	if at < 0 {
		// "hot dog,934" has its comma after the blank, "n01440764 tench, Tinca tinca" not the first one: a comma counts
		// only if nothing but a number follows.
		if comma := strings.LastIndexByte(line, ','); comma >= 0 {
			if _, err := strconv.Atoi(strings.TrimSpace(line[comma+1:])); err == nil {
				at = comma
			}
		}
	}
	if at < 0 {
		at = strings.IndexFunc(line, func(r rune) bool { return unicode.IsSpace(r) || r == ',' })
	}
	if at < 0 {
		return "", "", false
	}
	key, value = strings.TrimSpace(line[:at]), strings.TrimSpace(line[at+1:])
	return key, value, key != "" && value != ""
}
