package decision_test

import (
	"math"
	"strings"
	"testing"

	"edge/decision"
)

func TestScores(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    decision.Output
		out  []byte
		want []float64
	}{
		{"u8", decision.Output{Classes: 3, Scale: 1. / 256}, []byte{0, 64, 255}, []float64{0, 0.25, 255. / 256}},
		{
			"s8",
			decision.Output{Classes: 3, Scale: 1. / 256, ZeroPoint: -128, Signed: true},
			[]byte{0x80, 0, 0x7f},
			[]float64{0, 0.5, 255. / 256},
		},
		{
			"u8 logits",
			decision.Output{Classes: 3, Scale: 0.1, ZeroPoint: 100, Values: decision.Logits},
			[]byte{90, 110, 0},
			softmax(-1, 1, -10),
		},
		{
			"s8 logits",
			decision.Output{Classes: 4, Scale: 0.05, ZeroPoint: 5, Signed: true, Values: decision.Logits},
			[]byte{0xff, 5, 0x7f, 0x80},
			softmax(-0.3, 0, 6.1, -6.65),
		},
		{"one logit, s8", decision.Output{Classes: 1, Scale: 0.1, ZeroPoint: 3, Signed: true, Values: decision.Logits}, []byte{3}, []float64{0.5}},
		{"one logit below 0", decision.Output{Classes: 1, Scale: 0.01, ZeroPoint: 127, Signed: true, Values: decision.Logits}, []byte{27}, []float64{1 / (1 + math.E)}},
		{"one logit, u8", decision.Output{Classes: 1, Scale: 0.5, ZeroPoint: 2, Values: decision.Logits}, []byte{6}, []float64{1 / (1 + math.Exp(-2))}},
		{"independent", decision.Output{Classes: 2, Scale: 1. / 256, Values: decision.Independent}, []byte{192, 128}, []float64{0.75, 0.5}},
		{"far logits", decision.Output{Classes: 2, Scale: 100, Values: decision.Logits}, []byte{255, 0}, []float64{1, 0}},
	} {
		s, err := decision.NewScorer(tt.o)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for i, got := range s.Scores(tt.out) {
			if math.Abs(float64(got)-tt.want[i]) > 1e-6 {
				t.Errorf("%s: class %d scores %v, want %v", tt.name, i, got, tt.want[i])
			}
		}
	}
}

func softmax(x ...float64) []float64 {
	var sum float64
	for _, v := range x {
		sum += math.Exp(v)
	}
	p := make([]float64, len(x))
	for i, v := range x {
		p[i] = math.Exp(v) / sum
	}
	return p
}

func TestNewScorerErrors(t *testing.T) {
	for want, o := range map[string]decision.Output{
		"0 classes":                {Scale: 1},
		"2 labels for 3 classes":   {Classes: 3, Scale: 1. / 256, Labels: []string{"a", "b"}},
		"scale is 0":               {Classes: 3},
		"scale is NaN":             {Classes: 3, Scale: float32(math.NaN())},
		"scale is +Inf":            {Classes: 3, Scale: float32(math.Inf(1)), Values: decision.Logits},
		"-10 to 15.5":              {Classes: 3, Scale: 0.1, ZeroPoint: 100},
		"doesn't end in a softmax": {Classes: 3, Scale: 0.0235},
	} {
		if _, err := decision.NewScorer(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
}

func TestClassName(t *testing.T) {
	o := decision.Output{Classes: 2, Labels: []string{"a"}}
	for class, want := range []string{"a", "class 1"} {
		if got := o.ClassName(class); got != want {
			t.Errorf("%d: %s", class, got)
		}
	}
}

// An index that is the name of another class is refused: which one is meant isn't known.
func TestIndexThatIsAnotherName(t *testing.T) {
	o := decision.Output{Classes: 3, Labels: []string{"1", "2", "none"}}
	if got, err := o.Find(decision.Class{Index: 2}); err == nil {
		t.Errorf("2 picks %v, without an error", got)
	}
	for class, want := range map[decision.Class]int{{Index: 0}: 0, {Name: "2"}: 1, {Name: "2-2"}: 2} {
		if got, err := o.Find(class); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%v picks %v, %v; want %d", class, got, err, want)
		}
	}
	digits := decision.Output{Classes: 2, Labels: []string{"0", "1"}}
	if got, err := digits.Find(decision.Class{Index: 1}); err != nil || len(got) != 1 || got[0] != 1 {
		t.Errorf("1 picks %v, %v; want 1, its own name", got, err)
	}
}
