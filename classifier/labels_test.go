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
		{"indices in another order", "1 tench, Tinca tinca\n0 background\n2 great white shark\n", three},
		{"indices backwards, an empty line", "2 great white shark\n\n1 tench, Tinca tinca\n0 background\n", three},
		{"indices with commas", "0,background\n1,\"tench\"\n", []string{"background", `"tench"`}},
		{"indices as of Teachable Machine", "0 Class 1\n1 Class 2\n", []string{"Class 1", "Class 2"}},
		{"numbers of the names", "0 3 wheeler\n1 50 cent\n", []string{"3 wheeler", "50 cent"}},
		{"some with numbers", "tench\n3 wheeler\n", []string{"tench", "3 wheeler"}},
		{"one", "0 x", []string{"x"}},
		{"not English", "0 猫\n1 Wölfe", []string{"猫", "Wölfe"}},
		{"a list", `["background", "tench, Tinca tinca", "great white shark"]`, three},
		{"class_indices.json", `{"great white shark": 2, "background": 0, "tench, Tinca tinca": 1}`, three},
		{"id2label", `{"1": "tench, Tinca tinca", "0": "background", "2": "great white shark"}`, three},
		{"imagenet_class_index.json", `{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}`, []string{"tench", "goldfish"}},
		{"a list inside", `{"version": 1, "labels": ["a", "b"]}`, []string{"a", "b"}},
		{"config.json of Hugging Face", `{"model_type": "mobilenet_v2", "id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}`, []string{"a", "b"}},
		{"classes by name, one called labels", `{"labels": 0, "b": 1}`, []string{"labels", "b"}},
		{"as Python prints a list", "['daisy', 'sun flower']\n", []string{"daisy", "sun flower"}},
		{"as Python prints class_indices", "{'daisy': 1, 'rose': 0}", []string{"rose", "daisy"}},
		{"as Python prints id2label", "{0: 'rose', 1: 'daisy'}", []string{"rose", "daisy"}},
		{"a name in brackets", "[unknown]\ncat\n", []string{"[unknown]", "cat"}},
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
		{"missing index", "0 a\n1 b\n3 c\n", "f:3: there is a class 3, but no class 2"},
		{"missing index, another order", "3 c\n1 b\n0 a\n", "f:1: there is a class 3, but no class 2"},
		{"repeated index", "0 a\n1 c\n0 b\n", "f:3: class 0 has its label in line 1 already"},
		{"from 1", "2 b\n1 a\n3 c\n", "f:2: the numbers begin with 1, but the first class of a network is 0"},
		{"numbers of the names alone", "3 wheeler\n50 cent\n", "f:1: the numbers begin with 3"},
		{"line without index", "0 a\nb\n", "f:2: expected the index of a class and its label, as other lines have them; found"},
		{"index without label", "0 a\n1 \n", "f:2: expected the index"},
		{"line without index, not the first", "1 a\n0 b\nc\n", "f:3: expected the index of a class and its label"},
		{"number without label, backwards", "2 c\n1\n0 a\n", "f:2: expected the index"},
		{"an index above all integers", "0 a\n99999999999999999999 b\n", "f:2: there is a class"},
		{"an index above all integers first", "99999999999999999999 b\n0 a\n", "f:1: there is a class"},
		{"a tab", "a\nb\tc\n", "f:2: a tab"},
		{"JSON: a gap", `{"a": 0, "b": 2}`, "f: JSON: 2 labels have the indices 0 to 1, each once"},
		{"JSON: one twice", `{"a": 0, "b": 0}`, "f: JSON: 2 labels"},
		{"JSON: from 1", `{"1": "a", "2": "b"}`, "f: JSON: 2 labels"},
		{"JSON: a half", `{"a": 0.5}`, "f: JSON: 1 labels"},
		{"JSON: huge", `{"a": 1e300}`, "f: JSON: 1 labels"},
		{"JSON: nothing", `[]`, "f: JSON: no labels"},
		{"JSON: no names", `[1, 2]`, "f: JSON: class 0 isn't a name"},
		{"JSON: something else", `{"a": {"b": 1}}`, "f: JSON: \"a\": neither"},
		{"JSON: an empty name", `["a", ""]`, "f: JSON: a label is empty"},
		{"JSON: an escape sequence", `["a\u001b[2J"]`, "f: JSON: a label is empty, or has control"},
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
			file: file("background", "tench", "shark"), classes: 2,
			wantErr: `3 labels for a network with 2 classes: this network has no class "background": take the first`,
		},
		{
			name: "background isn't missing",
			file: file("Background", "tench"), classes: 3, wantErr: "they belong to another network",
		},
		{
			name: "two names for one score",
			file: file("cat", "dog"), classes: 1, wantErr: `2 labels for a network with 1 classes: its one score is most often that of the second`,
		},
		{name: "one too many", file: file("a", "b", "c"), classes: 2, wantErr: "they belong to another network"},
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
	f.Add("2 a\n0: b\n1,c")
	f.Add("\ufeffbackground\ntench, Tinca tinca")
	f.Add(`{"a": 1, "b": 0}`)
	f.Add(`{"0": ["n", "a"]}`)
	f.Add("{0: 'a', 1: 'b'}")
	f.Fuzz(func(t *testing.T, text string) {
		labels, err := parseLabels("f", []byte(text))
		if err != nil {
			return
		}
		if len(labels) == 0 || len(labels) > len(text) {
			t.Errorf("%d labels", len(labels))
		}
		for _, l := range labels {
			if strings.TrimSpace(l) == "" {
				t.Errorf("label %q", l)
			}
		}
		if err := checkLabels("f", labels, len(labels)); err != nil {
			t.Error(err)
		}
	})
}
