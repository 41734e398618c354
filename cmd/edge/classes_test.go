package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"edge/classifier"
	"edge/config"
)

func TestClasses(t *testing.T) {
	for _, c := range []struct {
		args        []string
		want, never []string
		lines       int
	}{
		{[]string{"tiger"}, []string{" 282  tiger cat\n", " 292  tiger, Panthera tigris\n"}, []string{"tabby"}, 0},
		{[]string{"any", "cat"}, []string{" 281  tabby, tabby cat\n", " 285  Egyptian cat\n", "any cat: 5 classes\n"}, []string{"lynx"}, 0},
		{[]string{"281-283"}, []string{" 281  ", " 282  ", " 283  "}, nil, 3},
		{[]string{"281"}, []string{" 281  tabby, tabby cat\n"}, nil, 1},
		{[]string{"*cat*"}, []string{"tiger cat"}, []string{"oystercatcher"}, 0},
		{[]string{"oystercatch"}, []string{" 143  oystercatcher"}, nil, 1},
		{[]string{"any"}, []string{"any dog: 118 classes\n", "any vehicle: "}, []string{"tench"}, 0},
		{nil, []string{"   0  tench, Tinca tinca\n", " 999  toilet tissue"}, nil, 0},
		{[]string{"--model", colourModel(t)}, []string{"   0  red\n   1  green\n   2  blue\n"}, []string{"any"}, 3},
	} {
		status, stdout, stderr := edge(append([]string{"classes"}, c.args...)...)
		if status != 0 || stderr != "" || c.lines > 0 && strings.Count(stdout, "\n") != c.lines {
			t.Errorf("%q: status %d, %q, %q", c.args, status, stdout, stderr)
		}
		for _, words := range c.want {
			if !strings.Contains(stdout, words) {
				t.Errorf("%q: no %q in\n%s", c.args, words, stdout)
			}
		}
		for _, words := range c.never {
			if strings.Contains(stdout, words) {
				t.Errorf("%q: %q in\n%s", c.args, words, stdout)
			}
		}
	}
	_, stdout, _ := edge("classes", "--json", "pug")
	var line classLine
	if err := json.Unmarshal([]byte(stdout), &line); err != nil || line.Index != 254 || !strings.Contains(strings.Join(line.Groups, ","), "dog") {
		t.Errorf("%v %+v", err, line)
	}
	expectFailure(t, statusConfig, []string{"EfficientNet-Lite0", `"zebrra"`, `did you mean "zebra"?`}, "classes", "zebrra")
}

// TestShippedClasses shows what the shipped configuration's LEDs for cats and dogs make of photographs: how many of each
// are lit, and by what else.
func TestShippedClasses(t *testing.T) {
	c, err := config.Load("../../deploy/edge.yaml")
	if err != nil {
		t.Fatal(err)
	}
	net, err := classifier.Open(networkOf(c).Options)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	judge, err := c.Judge(net.Output)
	if err != nil {
		t.Fatal(err)
	}
	lit := func(file string) (cat, dog bool) {
		t.Helper()
		scores, err := net.ClassifyFile(context.Background(), file)
		if err != nil {
			t.Fatal(err)
		}
		var on [2]bool
		for led := range on {
			var sum float32
			for _, class := range judge.Classes(led) {
				sum += scores[class]
			}
			on[led] = sum >= c.Decision.LEDs[led].On
		}
		return on[0], on[1]
	}
	if cat, dog := lit("../../examples/cat.jpg"); !cat || dog {
		t.Errorf("the example's cat: cat %v, dog %v", cat, dog)
	}

	files, _ := filepath.Glob(filepath.Join(sharedImages, "*.jpg"))
	if len(files) != 500 || testing.Short() {
		t.Skip("the rest skipped without ../shared/images, and in short tests")
	}
	cats, dogs := 0, 0
	for _, file := range files {
		class, err := strconv.Atoi(filepath.Base(file)[:3])
		if err != nil {
			t.Fatal(err)
		}
		cat, dog := lit(file)
		isCat, isDog := class >= 281 && class <= 285, class >= 151 && class <= 268
		cats += count(cat && isCat)
		dogs += count(dog && isDog)
		if cat && !isCat || dog && !isDog {
			t.Errorf("%s: lit by cat %v, dog %v", file, cat, dog)
		}
	}
	t.Logf("lit by %d of 2 cats and %d of 59 dogs, by nothing else of 500 photographs", cats, dogs)
	if dogs < 55 || cats < 1 {
		t.Errorf("%d dogs, %d cats", dogs, cats)
	}
}
