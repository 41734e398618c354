package teach

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"edge/frame"
	"edge/internal/files"
)

// Lesson is a lesson's folder as Read found it: a folder of pictures for each class. A folder "none" holds what is none of the
// others.
type Lesson struct {
	Dir      string
	Classes  []string // in alphabetical order
	Pictures []Picture
	Bad      []error // of files that can't be read as pictures; each names its file
	Computed int     // pictures whose features were computed now; the others' lay beside the pictures
	CacheErr error   // why the features can't be kept beside the pictures; nil if they are
}

// Picture is one picture of a lesson.
type Picture struct {
	File     string // with its folder
	Class    int    // in Lesson.Classes
	features raw
}

// The limits of a lesson. Teaching a thousand pictures takes some 100 MB above edge run, see docs/bench/teach_board.md.
const (
	MaxPictures = 3000
	maxClasses  = 250 // bytes don't tell more apart
	maxPicture  = 64 << 20
)

// Read reads a lesson: what it says of each picture is computed by b, or was kept from the last time. tell hears of each
// picture that is computed; nil is fine. Errors are what a person has to mend.
func Read(ctx context.Context, dir string, b *Backbone, options frame.Options, tell func(done, of int, file string)) (*Lesson, error) {
	l, err := list(dir)
	if err != nil {
		return nil, err
	}
	cache := openCache(dir, b, options)
	if cache.err != nil {
		l.CacheErr = cache.err
	}
	all := l.Pictures
	l.Pictures = nil
	var data bytes.Buffer
	for i, p := range all {
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), cache.save())
		}
		if err := files.ReadTo(&data, p.File, maxPicture); err != nil {
			l.Bad = append(l.Bad, err)
			continue
		}
		key := sha256.Sum256(data.Bytes())
		var ok bool
		if p.features, ok = cache.get(key); !ok {
			if tell != nil {
				tell(i, len(all), p.File)
			}
			f, err := frame.Decode(ctx, data.Bytes(), p.File)
			if err == nil {
				p.features, err = b.features(f)
				if err != nil {
					err = fmt.Errorf("%s: %w", p.File, err)
				}
			}
			if err != nil {
				l.Bad = append(l.Bad, err)
				continue
			}
			l.Computed++
		}
		cache.put(key, p.features)
		l.Pictures = append(l.Pictures, p)
	}
	if err := cache.save(); err != nil {
		l.CacheErr = err
	}
	return l, l.check()
}

// DropEmpty leaves the classes without pictures out. At a camera that is no mistake: they are still to come.
func (l *Lesson) DropEmpty() {
	var kept []string
	at := make([]int, len(l.Classes)) // where each class is afterwards
	for c, n := range l.Counts() {
		at[c] = len(kept)
		if n > 0 {
			kept = append(kept, l.Classes[c])
		}
	}
	l.Classes = kept
	for i := range l.Pictures {
		l.Pictures[i].Class = at[l.Pictures[i].Class]
	}
}

// check returns an error if the lesson can't be taught.
func (l *Lesson) check() error {
	count := l.Counts()
	var empty []string
	for c, n := range count {
		if n == 0 {
			empty = append(empty, l.Classes[c])
		}
	}
	var bad string
	if len(l.Bad) > 0 {
		bad = fmt.Sprintf(" (%d files can't be read, such as %v)", len(l.Bad), l.Bad[0])
	}
	switch {
	case len(empty) > 0:
		return fmt.Errorf("teach: %s: no pictures of %s%s", l.Dir, strings.Join(empty, ", "), bad)
	case len(l.Classes) == 0:
		return fmt.Errorf("teach: %s: no pictures in it%s: a lesson is a folder with a folder of pictures for each class", l.Dir, bad)
	case len(l.Classes) == 1:
		return fmt.Errorf("teach: %s: only one class, %s: there must be something to tell it from; add a folder %q with pictures of "+
			"other things", l.Dir, l.Classes[0], None)
	}
	return nil
}

// Counts returns how many pictures each class has.
func (l *Lesson) Counts() []int {
	count := make([]int, len(l.Classes))
	for _, p := range l.Pictures {
		count[p.Class]++
	}
	return count
}

// Classes returns the names of a lesson's classes, taught or not, in alphabetical order: none if the folder isn't there.
func Classes(dir string) ([]string, error) {
	l, err := list(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return l.Classes, nil
}

// apart returns an error if two classes' names differ in upper and lower case only: rules would take one for the other.
func apart(dir string, classes []string) error {
	as := map[string]string{}
	for _, class := range classes {
		lower := strings.ToLower(class)
		if other, ok := as[lower]; ok && other != class {
			return fmt.Errorf("teach: %s: the classes %q and %q differ in upper and lower case only: move the pictures of one to the "+
				"other, or give it another name", dir, other, class)
		}
		as[lower] = class
	}
	return nil
}

// list finds the pictures of a lesson. Three layouts are known:
//
//	LESSON/CLASS/…picture             what everyone has; Teachable Machine's samples
//	LESSON/training/CLASS/…picture    with a folder testing beside it that isn't looked at
//	LESSON/[training/]CLASS.xyz.jpg   Edge Impulse's
func list(dir string) (*Lesson, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("teach: %w", err)
	}
	l := &Lesson{Dir: dir}
	var folders []string
	loose := map[string][]string{}
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case strings.HasPrefix(name, ".") || err != nil:
		case info.IsDir():
			folders = append(folders, name)
		case strings.Count(name, ".") >= 2 && frame.PictureType(name) != "":
			class, _, _ := strings.Cut(name, ".")
			loose[class] = append(loose[class], path)
		}
	}
	if slices.Contains(folders, "training") && !slices.ContainsFunc(folders, func(f string) bool {
		return f != "training" && f != "testing"
	}) {
		// Without classes of its own, training is one itself.
		if l, err := list(filepath.Join(dir, "training")); err != nil || len(l.Classes) > 0 {
			return l, err
		}
	}
	of := map[string][]string{}
	for _, class := range folders {
		found, err := pictures(filepath.Join(dir, class), 3)
		if err != nil {
			return nil, fmt.Errorf("teach: %w", err)
		}
		of[class] = found
	}
	if len(folders) == 0 {
		of = loose
	}
	for class := range of {
		l.Classes = append(l.Classes, class)
	}
	slices.Sort(l.Classes)
	if len(l.Classes) > maxClasses {
		return nil, fmt.Errorf("teach: %s: %d classes: at most %d", dir, len(l.Classes), maxClasses)
	}
	if err := apart(dir, l.Classes); err != nil {
		return nil, err
	}
	for c, class := range l.Classes {
		if !utf8.ValidString(class) || strings.ContainsFunc(class, unicode.IsControl) {
			return nil, fmt.Errorf("teach: %s: a class called %q: its name must be one line of text, in UTF-8", dir, class)
		}
		slices.Sort(of[class])
		for _, file := range of[class] {
			l.Pictures = append(l.Pictures, Picture{File: file, Class: c})
		}
	}
	if len(l.Pictures) > MaxPictures {
		return nil, fmt.Errorf("teach: %s: %d pictures: at most %d; some hundred of each class are plenty", dir, len(l.Pictures), MaxPictures)
	}
	return l, nil
}

// pictures lists the files under a class's folder whose names end like pictures'.
func pictures(dir string, depth int) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case strings.HasPrefix(e.Name(), ".") || errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case info.IsDir() && depth > 0:
			more, err := pictures(path, depth-1)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		case frame.PictureType(e.Name()) != "":
			found = append(found, path)
		}
	}
	return found, nil
}

// raws are the features of all pictures, and their classes.
func (l *Lesson) raws() (features []raw, class []int) {
	for _, p := range l.Pictures {
		features, class = append(features, p.features), append(class, p.Class)
	}
	return features, class
}

// forget leaves the features, 10 MB for a thousand pictures, to those who hold them.
func (l *Lesson) forget() {
	for i := range l.Pictures {
		l.Pictures[i].features = nil
	}
}
