package record

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"edge/decision"
	"edge/frame"
	"edge/quant"
)

// TestTimeline runs a recording with a threshold that is never reached: the LED would have stayed dark.
func TestTimeline(t *testing.T) {
	dir, _ := recorded(t, Options{Bytes: 16 << 20}, 1000)
	r, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	rules := testHeader().Rules
	rules.LEDs[1].On, rules.LEDs[1].Off = 0.99, 0.98
	rules.LEDs[1].Name = "dog"
	timeline := NewTimeline(r, &rules)
	replay := Replay{
		Judge: func(h *Header) (*decision.Judge, error) { return decision.NewJudge(rules, h.Output) },
		Took:  timeline.Take,
	}
	if _, err := replay.Run(r); err != nil {
		t.Fatal(err)
	}
	timeline.Finish()
	cat, dog := timeline.Tracks[0], timeline.Tracks[1]
	if cat.WasOn == 0 || cat.WasOn != cat.NowOn || cat.WasLit != cat.NowLit || dog.WasOn == 0 || dog.NowOn != 0 || dog.NowLit != 0 {
		t.Errorf("cat %+v, dog %+v", cat.WasOn, dog.NowOn)
	}
	for _, d := range timeline.Differences {
		if d.LED == "dog" && (d.Was != "steady" || d.Now != "dark") || d.LED == "cat" {
			t.Errorf("%+v", d)
		}
	}
	var table, page bytes.Buffer
	class := func(i int) string { return fmt.Sprint("class ", i) }
	if err := timeline.WriteTable(&table, class); err != nil || !strings.Contains(table.String(), "dog: was steady, would be dark") {
		t.Errorf("%v\n%s", err, table.String())
	}
	if err := timeline.WriteHTML(&page, "<what & if>"); err != nil || strings.Contains(page.String(), "<what") {
		t.Errorf("%v", err)
	}
	for s := page.String(); ; { // what it draws is whole
		from := strings.Index(s, "<svg")
		if from < 0 {
			break
		}
		to := strings.Index(s, "</svg>") + len("</svg>")
		for d := xml.NewDecoder(strings.NewReader(s[from:to])); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		s = s[to:]
	}
}

// TestPictureFrame makes tensors of known pixels, and the pixels again.
func TestPictureFrame(t *testing.T) {
	pix := make([]byte, 48)
	for i := range pix {
		pix[i] = byte(rand.IntN(256))
	}
	for _, spec := range []frame.TensorSpec{
		{Width: 4, Height: 4, Channels: 3, Quant: quant.Params{Scale: 1. / 127, ZeroPoint: -1}, Signed: true, Mean: [3]float32{127, 127, 127}, Std: [3]float32{127, 127, 127}},
		{Width: 4, Height: 4, Channels: 3, Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1}},
	} {
		fitter, err := frame.NewFitter(spec, frame.Options{Fit: frame.Stretch})
		if err != nil {
			t.Fatal(err)
		}
		p := Picture{Data: make([]byte, 48)}
		if err := fitter.Fit(p.Data, frame.Frame{Pix: pix, Format: frame.RGB24, Width: 4, Height: 4, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		f, ok := p.Frame(&Header{Input: spec})
		again := make([]byte, 48)
		if err := fitter.Fit(again, f); !ok || err != nil || !bytes.Equal(again, p.Data) {
			t.Errorf("%+v: another tensor, %v", spec, err)
		}
	}
}
