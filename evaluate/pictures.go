package evaluate

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxPictureDepth is how many folders deep pictures are looked for: a set of them is DIR/CLASS/FILE, rarely deeper.
const maxPictureDepth = 4

// Pictures lists the files in a folder and its folders, sorted by path, but those whose name begins with a dot.
// Whether they are pictures shows when they are read. Links are followed, but none that leads back to a folder it lies in.
// It fails if it can't read a folder, or if there are no files.
func Pictures(dir string) ([]string, error) {
	files, err := appendFiles(nil, dir, nil)
	if err != nil {
		return nil, fmt.Errorf("pictures: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("pictures: %s: there are no files in it", dir)
	}
	slices.Sort(files)
	return files, nil
}

// appendFiles appends the files in a folder that lies in others, above.
func appendFiles(files []string, dir string, above []os.FileInfo) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	here, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	above = append(above, here)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case err != nil: // a link to nowhere: a bad file, told about when it is read
			files = append(files, path)
		case info.Mode().IsRegular():
			files = append(files, path)
		case slices.ContainsFunc(above, func(a os.FileInfo) bool { return os.SameFile(a, info) }):
		case info.IsDir() && len(above) > maxPictureDepth:
			return nil, fmt.Errorf("%s: folders in folders, more than %d deep", path, maxPictureDepth)
		case info.IsDir():
			if files, err = appendFiles(files, path, above); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// SplitCalibration takes n files out of a sorted list, evenly spread over it: those to calibrate a network with (edge
// quantize --calibrate DIR --calibration-size n). The rest is for measuring it (edge eval --images DIR
// --calibration-size n). A list that is too short goes to calibration whole.
func SplitCalibration(files []string, n int) (calibrate, rest []string) {
	n = min(max(n, 0), len(files))
	next := 0 // of calibrate: it is file next·len/n
	for i, file := range files {
		if next < n && i == next*len(files)/n {
			calibrate = append(calibrate, file)
			next++
			continue
		}
		rest = append(rest, file)
	}
	return calibrate, rest
}
