package evaluate

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPictures(t *testing.T) {
	dir := t.TempDir()
	elsewhere := t.TempDir()
	for _, name := range []string{"b/2.jpg", "b/1.jpg", "a/9.png", "000_x.jpg", ".hidden", "b/.DS_Store", "deep/er/x.jpg"} {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.WriteFile(path, nil, 0o644)
	}
	os.WriteFile(filepath.Join(elsewhere, "l.jpg"), nil, 0o644)
	os.Symlink(elsewhere, filepath.Join(dir, "linked"))
	os.Symlink("nowhere", filepath.Join(dir, "dangling.jpg"))
	os.Symlink(dir, filepath.Join(dir, "deep/er/loop"))
	files, err := Pictures(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = strings.TrimPrefix(files[i], dir+"/")
	}
	want := []string{"000_x.jpg", "a/9.png", "b/1.jpg", "b/2.jpg", "dangling.jpg", "deep/er/x.jpg", "linked/l.jpg"}
	if !slices.Equal(files, want) {
		t.Errorf("%q, want %q", files, want)
	}
}

func TestPicturesErrors(t *testing.T) {
	loop, deep := t.TempDir(), t.TempDir()
	os.Symlink(loop, filepath.Join(loop, "loop"))
	os.MkdirAll(filepath.Join(deep, "1/2/3/4/5"), 0o755)
	for dir, want := range map[string]string{
		t.TempDir():   "no files",
		"nowhere":     "no such file",
		"pictures.go": "not a directory",
		loop:          "no files",
		deep:          "more than 4 deep",
	} {
		if _, err := Pictures(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want …%s…", dir, err, want)
		}
	}
}

func TestSplitCalibration(t *testing.T) {
	files := strings.Split("abcdefghij", "")
	for _, test := range []struct {
		n               int
		calibrate, rest string
	}{
		{0, "", "abcdefghij"},
		{-1, "", "abcdefghij"},
		{1, "a", "bcdefghij"},
		{2, "af", "bcdeghij"},
		{3, "adg", "bcefhij"},
		{9, "abcdefghi", "j"},
		{10, "abcdefghij", ""},
		{11, "abcdefghij", ""},
	} {
		calibrate, rest := SplitCalibration(files, test.n)
		if strings.Join(calibrate, "") != test.calibrate || strings.Join(rest, "") != test.rest {
			t.Errorf("%d: %q and %q, want %q and %q", test.n, calibrate, rest, test.calibrate, test.rest)
		}
	}
}
