package classifier

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseLabels(t *testing.T) {
	three := []string{"background", "tench, Tinca tinca", "great white shark"}
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{"bare", "background\ntench, Tinca tinca\ngreat white shark\n", three},
		{"no last line end", "background\ntench, Tinca tinca\ngreat white shark", three},
		{"CRLF", "background\r\ntench, Tinca tinca\r\ngreat white shark\r\n", three},
		{"byte order mark", "\ufeffbackground\ntench, Tinca tinca\ngreat white shark\n", three},
		{"empty lines at the end", "background\ntench, Tinca tinca\ngreat white shark\n\r\n  \n\n", three},
		{"indices", "   0  background\n   1  tench, Tinca tinca\n   2  great white shark\n", three},
		{"indices, BOM, CRLF, tabs", "\ufeff0\tbackground\r\n1\ttench, Tinca tinca\r\n2\tgreat white shark", three},
		{"indices with colons", "0: background\n1: tench, Tinca tinca\n2:great white shark", three},
		{"digits", "0\n1\n2\n", []string{"0", "1", "2"}},
		{"bare with numbers", "3 wheeler\n50 cent\n", []string{"3 wheeler", "50 cent"}},
		{"one", "0 x", []string{"x"}},
		{"not English", "0 猫\n1 Wölfe", []string{"猫", "Wölfe"}},
	} {
		got, err := parseLabels("f", []byte(tt.file))
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
	for _, tt := range []struct{ name, file, want string }{
		{"nothing", "", "f:1: no labels"},
		{"only empty lines", "\ufeff\n\r\n", "f:1: no labels"},
		{"empty line", "a\n\nb\n", "f:2: an empty line"},
		{"empty first line", "\na\n", "f:1: an empty line"},
		{"missing index", "0 a\n1 b\n3 c\n", "f:3: expected class 2"},
		{"repeated index", "0 a\n0 b\n", "f:2: expected class 1"},
		{"line without index", "0 a\nb\n", `f:2: expected class 1 and its label, since the first line begins with 0; found`},
		{"index without label", "0 a\n1 \n", `f:2: expected class 1`},
		{"not UTF-8", "a\nb\xff\n", "f:2: not a text in UTF-8"},
		{"a model", "TFL3\x00\x00", "f:1: not a text in UTF-8"},
		{"escape sequence", "a\n\x1b[2J\n", "f:2: not a text in UTF-8"},
		{"old Mac line ends", "a\rb\rc\r", "f:1: control characters"},
	} {
		_, err := parseLabels("f", []byte(tt.file))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestLabels(t *testing.T) {
	file := func(labels ...string) string {
		path := filepath.Join(t.TempDir(), "labels.txt")
		if err := os.WriteFile(path, []byte(strings.Join(labels, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		name      string
		file      string
		fromModel []string
		classes   int
		want      []string
		wantErr   string
	}{
		{name: "none", classes: 5},
		{name: "the model's", fromModel: []string{"a", "b"}, classes: 2, want: []string{"a", "b"}},
		{
			name: "the file goes first",
			file: file("c", "d"), fromModel: []string{"a", "b"}, classes: 2, want: []string{"c", "d"},
		},
		{
			name: "1000 for 1001",
			file: file("tench", "goldfish"), classes: 3,
			wantErr: `2 labels for a network with 3 classes: such a network's class 0 is most often "background"`,
		},
		{
			name: "1001 for 1000",
			file: file("background", "tench"), classes: 1,
			wantErr: `2 labels for a network with 1 classes: this network has no class "background": take the first`,
		},
		{
			name: "background isn't missing",
			file: file("Background", "tench"), classes: 3, wantErr: "they belong to another network",
		},
		{name: "one too many", file: file("a", "b"), classes: 1, wantErr: "they belong to another network"},
		{
			name: "the model's own are too few", fromModel: []string{"a"}, classes: 2,
			wantErr: "the labels inside the model: 1 labels for a network with 2 classes",
		},
		{
			name: "the model's own are hostile", fromModel: []string{"a", "\x1b[2J"}, classes: 2,
			wantErr: `the label of class 1 is no clean text: "\x1b[2J"`,
		},
		{name: "absent", file: filepath.Join(t.TempDir(), "x"), wantErr: "labels: open "},
		{name: "huge", file: file(strings.Repeat("a\n", 1<<20)), wantErr: "larger than 1 MiB"},
	} {
		got, err := Labels(tt.file, tt.fromModel, tt.classes)
		if tt.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.wantErr)
			}
			continue
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

func TestSharedLabels(t *testing.T) {
	for name, want := range map[string]struct {
		classes int
		some    map[int]string
	}{
		"imagenet_labels.txt":  {1001, map[int]string{0: "background", 2: "goldfish, Carassius auratus", 135: "crane"}},
		"inat_bird_labels.txt": {965, map[int]string{1: "Aramus guarauna (Limpkin)", 964: "background"}},
	} {
		path := filepath.Join("../../shared/models", name)
		if _, err := os.Stat(path); err != nil {
			t.Skipf("skipped without ../shared: %v", err)
		}
		labels, err := Labels(path, nil, want.classes)
		if err != nil {
			t.Error(err)
			continue
		}
		for class, label := range want.some {
			if labels[class] != label {
				t.Errorf("%s: class %d is %q", name, class, labels[class])
			}
		}
	}
}

func FuzzParseLabels(f *testing.F) {
	f.Add("0 a\r\n1 b\r\n\r\n")
	f.Add("\ufeffbackground\ntench, Tinca tinca")
	f.Fuzz(func(t *testing.T, text string) {
		labels, err := parseLabels("f", []byte(text))
		if err != nil {
			return
		}
		if len(labels) == 0 || len(labels) > 1+strings.Count(text, "\n") {
			t.Errorf("%d labels", len(labels))
		}
		for _, l := range labels {
			if l == "" || !strings.Contains(text, l) {
				t.Errorf("label %q isn't in the file", l)
			}
		}
		if err := checkLabels("f", labels, len(labels)); err != nil {
			t.Error(err)
		}
	})
}
