package mobilenet

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// What the papers and their authors' pages print, in millions. Where a page prints something that no count of this
// network gives, the case says so.
func TestCost(t *testing.T) {
	for _, test := range []struct {
		family     Family
		alpha      float64
		resolution int
		macs       float64
		parameters float64 // 0: not printed there
		from       string
	}{
		{FamilyV1, 1, 224, 569, 4.2, "V1, tables 6 and 7"},
		{FamilyV1, 0.75, 224, 325, 2.6, "V1, table 6"},
		{FamilyV1, 0.5, 224, 149, 1.3, "V1, table 6"},
		{FamilyV1, 0.25, 224, 41, 0.5, "V1, table 6"},
		{FamilyV1, 1, 192, 418, 4.2, "V1, table 7"},
		{FamilyV1, 1, 160, 290, 4.2, "V1, table 7"},
		{FamilyV1, 1, 128, 186, 4.2, "V1, table 7"},
		{FamilyV1, 0.5, 192, 110, 1.34, "mobilenet_v1.md"},
		{FamilyV1, 0.5, 160, 77, 1.34, "mobilenet_v1.md"},
		{FamilyV1, 0.5, 128, 49, 1.34, "mobilenet_v1.md"},
		{FamilyV1, 0.25, 160, 21, 0.47, "mobilenet_v1.md"},
		{FamilyV1, 0.25, 128, 14, 0.47, "mobilenet_v1.md"},
		{FamilyV3Large, 1, 224, 219, 5.4, "V3, table 3"},
		{FamilyV3Large, 0.75, 224, 155, 4.0, "V3, table 3"},
		{FamilyV3Large, 1, 224, 217, 5.4, "mobilenet/README.md"},
		{FamilyV3LargeMinimalistic, 1, 224, 209, 3.9, "mobilenet/README.md"},
		// The page, and the paper's first versions, have 66 and 65 M MACs for the small ones: 10 more than there are.
		{FamilyV3Small, 1, 224, 56, 2.5, "V3, table 3"},
		{FamilyV3Small, 0.75, 224, 44, 2.0, "V3, table 3"},
		{FamilyV3SmallMinimalistic, 1, 224, 0, 2.0, "mobilenet/README.md"},
		{FamilyV2, 1, 224, 300, 3.4, "V2, table 4"},
		{FamilyV2, 1.4, 224, 585, 0, "V2, table 4"}, // its parameters: see TestParameters
		{FamilyV2, 1.4, 224, 582, 6.06, "mobilenet/README.md"},
		{FamilyV2, 1.3, 224, 509, 5.34, "mobilenet/README.md"},
		{FamilyV2, 1, 224, 300, 3.47, "mobilenet/README.md"},
		{FamilyV2, 1, 192, 221, 3.47, "mobilenet/README.md"},
		{FamilyV2, 1, 160, 154, 3.47, "mobilenet/README.md"},
		{FamilyV2, 1, 128, 99, 3.47, "mobilenet/README.md"},
		{FamilyV2, 1, 96, 56, 3.47, "mobilenet/README.md"},
		{FamilyV2, 0.75, 224, 209, 2.61, "mobilenet/README.md"},
		{FamilyV2, 0.75, 192, 153, 2.61, "mobilenet/README.md"},
		{FamilyV2, 0.75, 160, 107, 2.61, "mobilenet/README.md"},
		{FamilyV2, 0.75, 128, 69, 2.61, "mobilenet/README.md"},
		{FamilyV2, 0.75, 96, 39, 2.61, "mobilenet/README.md"},
		{FamilyV2, 0.5, 224, 97, 1.95, "mobilenet/README.md"},
		{FamilyV2, 0.5, 192, 71, 1.95, "mobilenet/README.md"},
		{FamilyV2, 0.5, 160, 50, 1.95, "mobilenet/README.md"},
		{FamilyV2, 0.5, 128, 32, 1.95, "mobilenet/README.md"},
		{FamilyV2, 0.5, 96, 18, 1.95, "mobilenet/README.md"},
		{FamilyV2, 0.35, 224, 59, 1.66, "mobilenet/README.md"},
		{FamilyV2, 0.35, 192, 43, 1.66, "mobilenet/README.md"},
		{FamilyV2, 0.35, 160, 30, 1.66, "mobilenet/README.md"},
		{FamilyV2, 0.35, 128, 20, 1.66, "mobilenet/README.md"},
		{FamilyV2, 0.35, 96, 11, 1.66, "mobilenet/README.md"},
	} {
		b := blueprint(t, test.family, test.alpha, test.resolution, 1000)
		cost := b.Cost()
		// The sources round or cut off to whole millions, and the papers are up to 1.1 per cent above their pages.
		macs := float64(cost.MACs) / 1e6
		if off := math.Abs(macs - test.macs); test.macs > 0 && off >= 1 && off > 0.012*test.macs {
			t.Errorf("%s: %.1f M MACs, %s has %v", b.Name(), macs, test.from, test.macs)
		}
		// With or without biases, rounded or cut off: a tenth of a million, or where two digits are printed, 1 %.
		parameters := float64(cost.Parameters) / 1e6
		within := 0.1
		if test.parameters*10 != math.Round(test.parameters*10) {
			within = 0.0125 * test.parameters
		}
		if test.parameters > 0 && math.Abs(parameters-test.parameters) >= within {
			t.Errorf("%s: %.3f M parameters, %s has %v", b.Name(), parameters, test.from, test.parameters)
		}
	}
}

// Exact counts of Keras's networks, whose layers are the same (model.count_params() less what batch normalization adds
// to weights and one bias for each channel).
func TestParameters(t *testing.T) {
	for _, test := range []struct {
		family Family
		alpha  float64
		want   int
	}{
		{FamilyV1, 1, 4_221_032},
		{FamilyV2, 1, 3_487_816},
		// Table 4 of the V2 paper prints 6.9 M. Nothing in the network that it describes adds up to that; its authors'
		// page prints 6.06 M, without biases.
		{FamilyV2, 1.4, 6_084_808},
		// torchvision's mobilenet_v3_large and _small, less one of batch normalization's two numbers for each channel.
		{FamilyV3Large, 1, 5_483_032 - 12_200},
		{FamilyV3Small, 1, 2_542_856 - 6_056},
	} {
		b := blueprint(t, test.family, test.alpha, 224, 1000)
		if got := b.Cost().Parameters; got != test.want {
			t.Errorf("%s: %d parameters, want %d", b.Name(), got, test.want)
		}
	}
}

func TestChannels(t *testing.T) {
	for _, test := range []struct {
		n     int
		alpha float64
		want  int
	}{
		{32, 1, 32},
		{32, 0.35, 16}, // 11.2: 8 would be below 90 %
		{16, 0.35, 8},
		{24, 0.35, 8},
		{320, 0.35, 112},
		{32, 1.4, 48},
		{24, 1.4, 32},
		{96, 1.4, 136},
		{64, 0.1, 8},
		{16, 0.01, 8},
	} {
		if got := channels(test.n, test.alpha); got != test.want {
			t.Errorf("%d · %v: %d, want %d", test.n, test.alpha, got, test.want)
		}
	}
}

// The tables of layers in the papers: sizes and channels where they change.
func TestLayers(t *testing.T) {
	for _, test := range []struct {
		family Family
		want   string
	}{
		{FamilyV1, "112×32 112×64 56×64 56×128 28×128 28×256 14×256 14×512 7×512 7×1024 1×1024 1×1000"},
		{FamilyV3Large, "112×16 56×24 28×40 14×80 14×112 7×160 7×960 1×960 1×1280 1×1000"},
		{FamilyV3Small, "112×16 56×16 28×24 14×40 14×48 7×96 7×576 1×576 1×1024 1×1000"},
		{FamilyV2, "112×32 112×16 56×24 28×32 14×64 14×96 7×160 7×320 7×1280 1×1280 1×1000"},
	} {
		b := blueprint(t, test.family, 1, 224, 1000)
		var shapes []string
		for _, l := range b.Layers {
			s := fmt.Sprintf("%d×%d", l.Size, l.Out)
			within := test.family != FamilyV1 && strings.Contains(l.Name, "/") &&
				!strings.HasSuffix(l.Name, "/project") && !strings.HasSuffix(l.Name, "/add") // a block
			if !within && (len(shapes) == 0 || shapes[len(shapes)-1] != s) {
				shapes = append(shapes, s)
			}
		}
		if got := strings.Join(shapes, " "); got != test.want {
			t.Errorf("%s:\n%s, want\n%s", b.Name(), got, test.want)
		}
	}
	adds := 0
	for _, l := range blueprint(t, FamilyV2, 1, 224, 1000).Layers {
		if l.Kind == Add {
			adds++
		}
	}
	if adds != 10 {
		t.Errorf("V2 has %d shortcuts, want 10", adds)
	}
}

// Section 3.1 and table 4 of the V1 paper: what depthwise separable convolutions save.
func TestSaving(t *testing.T) {
	separable, full := int64(0), int64(0)
	for _, l := range blueprint(t, FamilyV1, 1, 224, 1000).Layers {
		cost := int64(l.Cost().MACs)
		separable += cost
		switch l.Kind {
		case Depthwise: // the pointwise layer after it would do it all
		case Pointwise:
			full += 9 * cost
		default:
			full += cost
		}
	}
	for _, test := range []struct{ got, want int64 }{{full, 4866e6}, {separable, 569e6}} {
		if math.Abs(float64(test.got-test.want)) > 0.001*float64(test.want) {
			t.Errorf("%d MACs, want %d", test.got, test.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		family              Family
		alpha               float64
		resolution, classes int
		want                string
	}{
		{FamilyV1, 0, 224, 1000, "width multiplier 0"},
		{FamilyV2, math.NaN(), 224, 1000, "width multiplier NaN"},
		{FamilyV2, math.Inf(1), 224, 1000, "width multiplier +Inf"},
		{FamilyV1, 4.1, 224, 1000, "at most 4"},
		{FamilyV1, 1, 0, 1000, "resolution 0"},
		{FamilyV1, 1, 1025, 1000, "resolution 1025"},
		{FamilyV1, 1, 224, 0, "0 classes"},
		{FamilyV1, 1, 224, math.MaxInt, "classes"},
		{FamilyV1, 1, 224, 100_000, "million parameters"},
		{"v3", 1, 224, 1000, `family "v3"`},
	} {
		_, err := New(test.family, test.alpha, test.resolution, test.classes)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v", test, err)
		}
	}
}

func TestPublished(t *testing.T) {
	seen := map[string]bool{}
	count := map[Family]int{}
	for _, a := range Published() {
		b, err := a.Blueprint()
		if err != nil {
			t.Fatal(err)
		}
		if seen[b.Name()] {
			t.Errorf("%s is there twice", b.Name())
		}
		seen[b.Name()] = true
		count[a.Family]++
		// Misprints would break what holds for all of them.
		if a.Top1 >= a.Top5 && a.Top5 > 0 || a.Quantized1 > a.Top1 || a.Quantized5 > a.Top5 || a.Source == "" {
			t.Errorf("%s: %+v", b.Name(), a)
		}
		if (a.Quantized1 > 0) != (a.QuantizedSource != "") {
			t.Errorf("%s: quantized %v from %q", b.Name(), a.Quantized1, a.QuantizedSource)
		}
		for _, o := range Published() {
			if o.Family == a.Family && o.Alpha >= a.Alpha && o.Resolution >= a.Resolution && o.Top1 < a.Top1 {
				t.Errorf("%s has %v, though a larger one has %v", b.Name(), a.Top1, o.Top1)
			}
		}
	}
	if count[FamilyV1] != 16 || count[FamilyV2] != 22 || count[FamilyV3Large] != 2 || count[FamilyV3Small] != 2 {
		t.Errorf("%v, want 16 of V1, 22 of V2, 2 each of V3 large and small", count)
	}
}

func blueprint(t testing.TB, f Family, alpha float64, resolution, classes int) *Blueprint {
	t.Helper()
	b, err := New(f, alpha, resolution, classes)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
