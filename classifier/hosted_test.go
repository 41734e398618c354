package classifier

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edge/model"
)

// TestHostedLabelsOrder compares the order of the names with labels that came with these networks.
func TestHostedLabelsOrder(t *testing.T) {
	const shared, known = "../../shared/models", "mobilenet_v1_0.25_128_quant.tflite"
	data, err := os.ReadFile(filepath.Join(shared, known))
	if err != nil {
		t.Skipf("skipped without ../shared: %v", err)
	}
	g, err := model.ReadTFLite(data)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := loadLabels(filepath.Join(shared, "imagenet_labels.txt"))
	if err != nil {
		t.Fatal(err)
	}
	ours := hostedLabels(known, g)
	if len(ours) != len(theirs) || ours[0] != theirs[0] {
		t.Fatalf("%d labels, want %d", len(ours), len(theirs))
	}
	// Theirs list synonyms, ours is one of them, or a newer word; off by one, nearly none would agree.
	same := 0
	for i, label := range theirs {
		for name := range strings.SplitSeq(label, ", ") {
			if strings.EqualFold(name, ours[i]) {
				same++
				break
			}
		}
	}
	if same < 750 {
		t.Errorf("only %d of 1001 labels agree", same)
	}
}
