package teach

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"edge/frame"
	"edge/internal/files"
)

// A lesson that is taught at a camera grows by bursts: the pictures that were taken at once. Their names say which; clocks
// of boards without a battery can't.
const burstFormat = "burst-%05d-%03d.jpg"

// MaxBytes is how many bytes the pictures of a lesson may take on a disk.
const MaxBytes = 512 << 20

// Store adds pictures to a lesson's folder. Only one goroutine may use it.
type Store struct {
	dir   string
	burst int
	next  int // picture of the burst
	count int // pictures in the lesson
	bytes int64
}

// OpenStore opens a lesson's folder to add pictures, and makes it if it isn't there.
func OpenStore(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("teach: %w", err)
	}
	s := &Store{dir: dir}
	return s, s.look()
}

// look counts what is there.
func (s *Store) look() error {
	s.burst, s.count, s.bytes = 0, 0, 0
	bursts, err := s.bursts()
	if err != nil {
		return err
	}
	for _, b := range bursts {
		s.burst = max(s.burst, b.number)
	}
	return filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("teach: %w", err)
		}
		if frame.PictureType(path) != "" {
			if rel, _ := filepath.Rel(s.dir, path); !strings.HasPrefix(rel, ".") { // else it takes room, but isn't taught: the page's .deleted
				s.count++
			}
			if info, err := e.Info(); err == nil {
				s.bytes += info.Size()
			}
		}
		return nil
	})
}

// Begin begins a burst. It counts what is there again, as others may have changed the lesson, such as the page.
func (s *Store) Begin() {
	_ = s.look() // what can't be read can't be written to either: Add says why
	s.burst, s.next = s.burst+1, 0
}

// Left returns how many more pictures fit, by their number and by their size, if they are as large as those there.
func (s *Store) Left() int {
	left := MaxPictures - s.count
	if s.count > 0 {
		if mean := s.bytes / int64(s.count); mean > 0 {
			left = min(left, int((MaxBytes-s.bytes)/mean))
		}
	}
	return max(left, 0)
}

// ErrFull is Add's error if a lesson may take no more pictures.
var ErrFull = errors.New("the lesson is full")

// Add writes a frame as a picture of the class, whole or not at all, and returns the file's name.
func (s *Store) Add(class string, f frame.Frame) (string, error) {
	if err := s.CheckClass(class); err != nil {
		return "", err
	}
	if s.Left() == 0 {
		return "", fmt.Errorf("teach: %s: %w: %d pictures, %d MiB; remove some", s.dir, ErrFull, s.count, s.bytes>>20)
	}
	data, err := new(frame.Encoder).Encode(f, frame.TaughtQuality)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(s.dir, class)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("teach: %w", err)
	}
	s.next++
	name := filepath.Join(folder, fmt.Sprintf(burstFormat, s.burst, s.next))
	if err := files.Write(name, data); err != nil {
		return "", fmt.Errorf("teach: %w", err)
	}
	s.count++
	s.bytes += int64(len(data))
	return name, nil
}

// CheckClass returns an error if a class can't have this name in the lesson: its pictures go into a folder of that name, and
// rules tell "open" and "Open" apart as little as people do.
func (s *Store) CheckClass(class string) error {
	if err := files.CheckName(class); err != nil {
		return fmt.Errorf("teach: class %w", err)
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("teach: %w", err)
	}
	classes := []string{class}
	for _, e := range entries {
		classes = append(classes, e.Name())
	}
	return apart(s.dir, classes)
}

// burstFiles are the pictures of one burst.
type burstFiles struct {
	number int
	files  []string
}

func (s *Store) bursts() ([]burstFiles, error) {
	found, err := filepath.Glob(filepath.Join(strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s.dir), "*", "burst-*-*.jpg"))
	if err != nil {
		return nil, fmt.Errorf("teach: %s: %w", s.dir, err)
	}
	of := map[int][]string{}
	for _, file := range found {
		parts := strings.Split(filepath.Base(file), "-")
		if number, err := strconv.Atoi(parts[1]); err == nil && len(parts) == 3 {
			of[number] = append(of[number], file)
		}
	}
	var list []burstFiles
	for number, files := range of {
		list = append(list, burstFiles{number, files})
	}
	slices.SortFunc(list, func(a, b burstFiles) int { return cmp.Compare(a.number, b.number) })
	return list, nil
}

// Undo forgets the last burst, and returns how many pictures it had.
func (s *Store) Undo() (int, error) {
	list, err := s.bursts()
	if err != nil || len(list) == 0 {
		return 0, err
	}
	last := list[len(list)-1]
	for i, file := range last.files {
		if err := os.Remove(file); err != nil {
			return i, fmt.Errorf("teach: %w", err)
		}
		os.Remove(filepath.Dir(file)) // a class without pictures is none; it fails while there are some
	}
	return len(last.files), s.look()
}

// Room returns how many pictures a lesson has, and their size in bytes.
func (s *Store) Room() (count int, bytes int64) { return s.count, s.bytes }
