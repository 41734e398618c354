package evaluate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edge/decision"
)

func TestCutMapLine(t *testing.T) {
	for line, want := range map[string][2]string{
		"n01440764 1":                  {"n01440764", "1"},
		"n01440764 tench, Tinca tinca": {"n01440764", "tench, Tinca tinca"},
		"hot dog,934":                  {"hot dog", "934"},
		"hot dog\thotdog, hot dog":     {"hot dog", "hotdog, hot dog"},
		"hot dog = 934":                {"hot dog", "934"},
		"a,b":                          {"a", "b"},
	} {
		if key, value, ok := cutMapLine(line); !ok || key != want[0] || value != want[1] {
			t.Errorf("%q: %q and %q", line, key, value)
		}
	}
}

// Where a label stands for two classes, a folder named so means neither.
func TestAmbiguousLabels(t *testing.T) {
	o := decision.Output{Classes: 3, Labels: []string{"crane", "crane, lifter", "heron"}}
	files := []string{"d/crane/a.jpg", "d/heron/b.jpg", "d/lifter/c.jpg"}
	truth, err := NewTruth("d", files, "", o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := truth.ClassOf(files[0]); err == nil || !strings.Contains(err.Error(), "--map") {
		t.Errorf("crane: %v", err)
	}
	for i, want := range map[int]int{1: 2, 2: 1} {
		if class, err := truth.ClassOf(files[i]); err != nil || class != want {
			t.Errorf("%s: %d %v", files[i], class, err)
		}
	}
}

// Where classes are called by numbers, a folder of such a name means the label, not the index.
func TestNumbersAsLabels(t *testing.T) {
	o := decision.Output{Classes: 3, Labels: []string{"2", "0", "7"}}
	files := []string{"d/0/a.jpg", "d/1/b.jpg", "d/2/c.jpg", "d/7/d.jpg"}
	truth, err := NewTruth("d", files, "", o)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 1, 0, 2} { // no label is "1": that is an index
		if class, err := truth.ClassOf(files[i]); err != nil || class != want {
			t.Errorf("%s: %d %v, want %d", files[i], class, err, want)
		}
	}
}

// TestRun counts right and wrong answers, and what can't be counted.
func TestRun(t *testing.T) {
	o := decision.Output{Classes: 3, Labels: []string{"a", "b", "c"}}
	files := []string{"d/a/1", "d/a/2", "d/a/broken", "d/c/3", "d/x/4"}
	answers := map[string][]float32{"d/a/1": {0.5, 0.5, 0}, "d/a/2": {0.2, 0.1, 0.7}, "d/c/3": {0, 0, 1}}
	truth, err := NewTruth("d", files, "", o)
	if err != nil {
		t.Fatal(err)
	}
	classify := func(_ context.Context, file string) ([]float32, error) {
		if answers[file] == nil {
			return nil, errors.New("broken")
		}
		return answers[file], nil
	}
	got, err := Run(t.Context(), files, truth, o, classify, func(string, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	if got.Pictures != 3 || got.Top1 != 2./3 || got.Top5 != 1 || len(got.Bad) != 2 || len(got.Classes) != 2 ||
		len(got.Confusions) != 1 || got.Confusions[0] != (Confusion{0, "a", 2, "c", 1}) {
		t.Errorf("%+v", got)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Run(ended, files, truth, o, classify, func(string, int, int) {}); err == nil {
		t.Error("an interrupted run must say so")
	}
}

func FuzzMap(f *testing.F) {
	f.Add("warm 1\ncold = 3\n007,2\n# nothing\n")
	f.Add("hot dog\tb\n\ufeffx")
	f.Fuzz(func(t *testing.T, content string) {
		name := filepath.Join(t.TempDir(), "map")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := readMap(name, 3, namesOf([]string{"a", "b, hot dog", "c"}))
		if err == nil && len(m) == 0 {
			t.Error("an empty map")
		}
		for key, class := range m {
			if class < 0 || class > 2 || key == "" {
				t.Errorf("%q: %d", key, class)
			}
		}
	})
}
