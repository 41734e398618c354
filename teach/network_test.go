package teach

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"edge/classifier"
	"edge/engine"
	"edge/frame"
	"edge/model"
)

// TestNetwork holds that the network says what the fit says, up to its bytes, and that it is read back as it was written.
func TestNetwork(t *testing.T) {
	for _, file := range []string{"", "../../shared/models/mobilenet_v2_1.0_224_quant.tflite", "../../shared/models/mobilenet_v1_0.25_128_quant.tflite", "../../shared/models/vww_96_int8.tflite"} {
		if _, err := os.Stat(file); file != "" && err != nil {
			t.Logf("%s isn't there", file)
			continue
		}
		b, err := OpenBackbone(classifier.Options{Model: file})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		l := sharedLesson(t, b, "insects")
		x, y := l.raws()
		var trainX []raw
		var trainY, test []int
		for i := range x {
			switch i % 8 {
			case 0:
				trainX, trainY = append(trainX, x[i]), append(trainY, y[i])
			case 1:
				test = append(test, i)
			}
		}
		for _, comb := range []int{0, 1, 2} {
			f := fit(b, trainX, trainY, l.Classes)
			list := f.set.combinations()
			if comb >= len(list) {
				continue
			}
			f.choose(list[comb:comb+1], f.set.kernels(list[comb:comb+1]))
			g, err := f.network(b)
			if err != nil {
				t.Fatal(err)
			}
			g.Labels = l.Classes
			g.Lesson = &model.Lesson{Thresholds: f.thresholds}
			data, err := g.WriteTFLite()
			if err != nil {
				t.Fatal(err)
			}
			back, err := model.ReadTFLite(data)
			if err != nil {
				t.Fatal(err)
			}
			if back.Lesson == nil || !slices.Equal(back.Lesson.Thresholds, f.thresholds) {
				t.Fatalf("lesson %+v", back.Lesson)
			}
			net, err := engine.Compile(back, engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			fitter, err := frame.NewFitter(classifier.InputSpec(net.Inputs()[0], classifier.PixelsOf(net.Inputs()[0], g.Normalization, nil)), frame.Options{})
			if err != nil {
				t.Fatal(err)
			}
			worst, familiar, same, right := 0.0, 0.0, 0, 0
			for _, i := range test {
				pic, err := frame.ReadFile(t.Context(), l.Pictures[i].File)
				if err != nil {
					t.Fatal(err)
				}
				if err := fitter.Fit(net.Input(), pic); err != nil {
					t.Fatal(err)
				}
				net.Run()
				u := f.set.of(x[i])
				s := f.scores(u)
				best := slices.Index(s, slices.Max(s))
				sum := 0.0
				for _, v := range s {
					sum += math.Exp(v - s[best])
				}
				out := net.Outputs()
				real := func(o engine.Tensor, c int) float64 {
					q := int32(o.Data[c])
					if o.Type == model.Int8 {
						q = int32(int8(o.Data[c]))
					}
					return float64(o.Quant.Real(q))
				}
				worst = max(worst, math.Abs(real(out[0], best)-1/sum))
				familiar = max(familiar, math.Abs(real(out[1], best)-f.familiarTo(u, best)))
				top := 0
				for c := range l.Classes {
					if real(out[0], c) > real(out[0], top) {
						top = c
					}
				}
				if top == best {
					same++
				}
				if best == y[i] {
					right++
				}
			}
			net.Close()
			t.Logf("%s %s: %d of %d same class, %d right, probability differs by %.3f, familiarity by %.3f; %v; %d bytes", filepath.Base(file),
				f.chosen.name, same, len(test), right, worst, familiar, f.thresholds, len(data))
			if worst > 0.2 || familiar > 0.03 || same < len(test)*98/100 {
				t.Error("too far")
			}
		}
	}
}

// TestBent holds that features are bent as the network's MUL and TANH do it, to the byte.
func TestBent(t *testing.T) {
	for _, typ := range []model.Type{model.Int8, model.Uint8} {
		for _, s := range []span{
			{high: 255 * rawSteps},
			{high: 255 * rawSteps, bend: 255 * rawSteps / bendReach},
			{low: -100 * rawSteps, high: 155 * rawSteps, bend: 155 * rawSteps / bendReach},
			{low: -100 * rawSteps, high: 155 * rawSteps, bend: 0.7 * rawSteps},
		} {
			h := &head{typ: typ}
			in := h.tensor("in", h.quant(0.1, s.zero()-128), 1, 1, 1, 256)
			h.Inputs = []int{in}
			h.unit(layer{tensor: in, name: "all", channels: 256}, s)
			unit := h.Nodes[len(h.Nodes)-1]
			g, err := h.finish(unit.Inputs)
			if err != nil {
				t.Fatal(err)
			}
			net, err := engine.Compile(g, engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			zero := h.Tensors[unit.Inputs[0]].Quant[0].ZeroPoint
			sign := byte(0) // of s8, whose least byte is 128
			if typ == model.Int8 {
				sign = 128
			}
			for i := range net.Input() {
				net.Input()[i] = byte(i) ^ sign
			}
			net.Run()
			for i, want := range s.values() {
				got := int32(net.Output()[i])
				if typ == model.Int8 {
					got = int32(int8(net.Output()[i]))
				}
				if got-zero != want {
					t.Errorf("%v %+v: %d becomes %d, in the network %d", typ, s, i, want, got-zero)
				}
			}
			net.Close()
		}
	}
}
