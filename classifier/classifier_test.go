package classifier_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edge/classifier"
	"edge/frame"
)

// The embedded network, and the class that it is surest of in a photograph.
func Example() {
	net, err := classifier.Open(classifier.Options{Threads: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer net.Close()
	scores, err := net.ClassifyFile(context.Background(), "../examples/coffee.jpg")
	if err != nil {
		fmt.Println(err)
		return
	}
	best := 0
	for class, score := range scores {
		if score > scores[best] {
			best = class
		}
	}
	fmt.Printf("%s: class %d, %s\n", net.Name(), best, net.Output.ClassName(best))
	// Output: EfficientNet-Lite0: class 967, espresso
}

func TestClassifyAllocatesNothing(t *testing.T) {
	net, err := classifier.Open(classifier.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	cat, err := frame.ReadFile(t.Context(), "../examples/cat.jpg")
	if err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(2, func() {
		if _, err := net.Classify(cat); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestOpenErrors(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.tflite")
	if err := os.WriteFile(text, []byte("this is no model at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	golden := func(name string) string { return filepath.Join("../engine/testdata/golden", name+".tflite") }
	for _, c := range []struct {
		options classifier.Options
		want    []string
	}{
		{classifier.Options{Model: "absent.tflite"}, []string{"model: ", "absent.tflite", "no such file"}},
		{classifier.Options{Model: t.TempDir()}, []string{"model: ", "is a directory"}},
		{classifier.Options{Model: "/dev/zero"}, []string{"/dev/zero", "is a device"}},
		{classifier.Options{Model: text}, []string{text}},
		{classifier.Options{Threads: -1}, []string{"-1 threads", "1 to 64"}},
		{classifier.Options{Threads: 65}, []string{"65 threads"}},
		{classifier.Options{Kernels: "abacus"}, []string{`kernel set "abacus"`, "generic"}},
		{classifier.Options{Fit: frame.Options{Rotate: 45}}, []string{"EfficientNet-Lite0", "45 degrees"}},
		{classifier.Options{Labels: text}, []string{text, "1 labels", "1000 classes"}},
		// Networks that don't take a picture.
		{classifier.Options{Model: golden("s8-add-0")}, []string{"s8-add-0", "edge invoke"}},
		{classifier.Options{Model: golden("s8-softmax-1-10")}, []string{"s8-softmax-1-10", "edge invoke"}},
	} {
		net, err := classifier.Open(c.options)
		if err == nil {
			net.Close()
			t.Errorf("%+v can be opened", c.options)
			continue
		}
		for _, words := range c.want {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%+v: %q doesn't say %q", c.options, err, words)
			}
		}
	}
}
