package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"edge/classifier"
	"edge/evaluate"
	"edge/frame"
	"edge/internal/files"
	"edge/internal/text"
	"edge/model"
	"edge/ptq"
)

// The defaults: what measured best (docs/quantization.md).
const (
	defaultRanges      = ptq.MinMax
	defaultEqualize    = false
	defaultCorrectBias = true
)

// runQuantize turns a float32 network into an int8 one.
func runQuantize(ctx context.Context, args []string, std streams) error {
	var fit frame.Options
	var given *model.Normalization
	o := ptq.Options{Ranges: defaultRanges, Equalize: defaultEqualize, CorrectBias: defaultCorrectBias}
	f := newFlags("quantize", std)
	dir := f.String("calibrate", "", "`DIR` of typical pictures, with or without folders in it")
	size := f.Int("calibration-size", 100, "how many of the pictures to use, evenly spread")
	check := f.String("check", "", "`DIR` of other pictures, to compare with float32 on, too")
	out := f.String("out", "", "where to write the int8 network, a .tflite `FILE`")
	f.Func("normalize", "`HOW` a pixel p becomes what the network expects (default: as the model says):\n"+model.NormalizationHelp,
		func(s string) error {
			normalize, err := model.ParseNormalization(s)
			given = &normalize
			return err
		})
	labels := f.StringP("labels", "l", "", "names of the classes, a `FILE` with one a line (default: those in the model)")
	f.Var(&flagValue[ptq.Ranges]{&o.Ranges, ptq.ParseRanges, "HOW"}, "ranges", "activations' ranges: min-max, percentile or least-error")
	f.BoolVar(&o.Equalize, "equalize", o.Equalize, "equalize channels between layers")
	f.BoolVar(&o.CorrectBias, "correct-bias", o.CorrectBias, "correct the mean error of rounded weights")
	f.IntVarP(&o.Threads, "threads", "t", 0, "threads to calibrate with (default: the number of cores)")
	f.BoolVarP(&o.PerLayer, "verbose", "v", false, "compare each layer with float32, and show it")
	fitFlags(f, &fit)
	if err := parse(f, args); err != nil {
		return err
	}
	switch {
	case f.NArg() != 1:
		return configErrorf("edge quantize: name one float32 network, an .onnx or .tflite file")
	case *dir == "" || *out == "":
		return configErrorf("edge quantize: --calibrate DIR and --out FILE are needed")
	case *size < 1 || *size > ptq.MaxPictures:
		return configErrorf("edge quantize: --calibration-size %d: 1 to %d", *size, ptq.MaxPictures)
	case o.Threads < 0 || o.Threads > 64:
		return configErrorf("edge quantize: --threads %d: 1 to 64", o.Threads)
	}
	name := f.Arg(0)
	if err := refuseOver(*out, name, *labels, *dir, *check); err != nil {
		return err
	}
	if err := refuseOther(*out); err != nil {
		return err
	}
	g, err := model.ReadFloat(name)
	if err != nil {
		return misconfigured(err)
	}
	shape := g.Tensors[g.Outputs[0]].Shape
	if len(shape) == 0 {
		return configErrorf("%s: its output is a single number, not classes", name)
	}
	inside, err := ptq.Settle(g, given)
	if err != nil {
		return configErrorf("%s: %v: give --normalize\n%s", name, err, model.NormalizationHelp)
	}
	if g.Labels, err = classifier.Labels(*labels, g.Labels, shape[len(shape)-1]); err != nil {
		return misconfigured(err)
	}
	file, err := files.Create(*out, std.out) // before the work, to know that it can be written
	if err != nil {
		return configErrorf("output: %v", err)
	}
	defer file.Discard()
	o.Progress = progressOn(std.err)
	read := func(dir string, size int) (*ptq.Pictures, error) {
		names, err := evaluate.Pictures(dir)
		if err != nil {
			return nil, misconfigured(err)
		}
		names, _ = evaluate.SplitCalibration(names, size)
		leftOut := func(err error) { fmt.Fprintf(std.err, "left out: %v\n", err) }
		p, err := ptq.ReadPictures(ctx, g, names, fit, leftOut, o.Progress)
		if err != nil && ctx.Err() == nil {
			return nil, configErrorf("pictures: %s: %v", dir, err)
		}
		return p, err
	}
	result := quantizeResult{name: *out, normalization: *g.Normalization, inside: inside}
	work := func() error {
		calibrate, err := read(*dir, *size)
		if err != nil {
			return err
		}
		quantized, report, err := ptq.Quantize(ctx, g, calibrate.Samples(*g.Normalization), o)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		data, err := quantized.WriteTFLite()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		result.report, result.size = report, len(data)
		result.few, result.alike = calibrate.Count(), calibrate.Alike()
		if result.calibration, err = ptq.Agree(ctx, g, quantized, calibrate, o); err != nil {
			return err
		}
		if *check != "" {
			others, err := read(*check, ptq.MaxPictures)
			if err != nil {
				return err
			}
			if result.check, err = ptq.Agree(ctx, g, quantized, others, o); err != nil {
				return err
			}
		}
		if _, err := file.Write(data); err != nil {
			return fmt.Errorf("output: %w", err)
		}
		return file.Commit()
	}
	if err := work(); ctx.Err() != nil {
		return errors.New("interrupted: nothing has been written")
	} else if err != nil {
		return err
	}
	info := std.out
	if *out == "-" {
		info = std.err
	}
	return result.print(info)
}

// progressOn shows how far each pass is: on a terminal at every step, else at its end.
func progressOn(w io.Writer) func(pass string, done, total int) {
	terminal := isTerminal(w)
	if terminal {
		w = text.Raw(w)
	}
	return func(pass string, done, total int) {
		switch {
		case terminal:
			fmt.Fprintf(w, "\r%s: %d of %d pictures\x1b[K", pass, done, total)
			if done == total {
				fmt.Fprintln(w)
			}
		case done == total:
			fmt.Fprintf(w, "%s: %d pictures\n", pass, total)
		}
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := text.Raw(w).(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	return err == nil
}

// quantizeResult is what edge quantize reports when it is done.
type quantizeResult struct {
	name               string
	size               int
	normalization      model.Normalization
	inside             bool // the network normalizes by itself
	report             *ptq.Report
	calibration, check ptq.Agreement
	few                int // how many pictures it was calibrated with
	alike              bool
}

// enough is the number of pictures that show most of what a network will see.
const enough = 20

func (q *quantizeResult) print(w io.Writer) error {
	var b bytes.Buffer
	if r := q.report; r.Layers != nil {
		fmt.Fprintf(&b, "%-16s %21s %9s %9s  %s\n", "layer", "range", "clipped", "SNR", "name")
		for i, l := range r.Layers {
			fmt.Fprintf(&b, "%3d %-12.12s %10.4g…%-10.4g %7.3f %% %6s dB  %s\n",
				i, shortOp(l.Op), l.Lo, l.Hi, 100*l.Clipped, decibels(l.SNR), briefly(l.Name))
		}
		var worst []string
		for _, l := range r.Worst(3) {
			worst = append(worst, fmt.Sprintf("%s (%s dB)", briefly(l.Name), decibels(l.SNR)))
		}
		fmt.Fprintf(&b, "most noise: %s\n", strings.Join(worst, ", "))
	}
	if q.inside {
		fmt.Fprintf(&b, "normalization: %v; the network did it itself, now the file says it\n", q.normalization)
	} else {
		fmt.Fprintf(&b, "normalization: %v\n", q.normalization)
	}
	if r := q.report; r.Own > 0 {
		fmt.Fprintf(&b, "the file was quantized already: %d of its %d scales of activations are taken over\n", r.Kept, r.Own)
	}
	if s := q.normalization.Span(); s < 0.5 || s > 20 {
		fmt.Fprintf(&b, "warning: with this normalization, pixels are %.3g apart at most, but networks are trained on 1 to 5: "+
			"is --normalize right?\n", s)
	}
	tell := func(a ptq.Agreement, of string) {
		fmt.Fprintf(&b, "%d of %d %s (%.1f %%) get the same class as in float32\n", a.Same, a.Pictures, of,
			100*float64(a.Same)/float64(max(a.Pictures, 1)))
	}
	tell(q.calibration, "calibration pictures")
	if q.check.Pictures > 0 {
		tell(q.check, "other pictures")
	}
	switch {
	case q.few < enough:
		fmt.Fprintf(&b, "warning: %d pictures are few to calibrate with: take some hundred that are typical of what the "+
			"network will see\n", q.few)
	case q.alike:
		fmt.Fprintf(&b, "warning: all pictures look the same: take some that differ as much as what the network will see\n")
	case q.calibration.Classes == 1:
		fmt.Fprintf(&b, "warning: the float32 network gives all pictures the same class: are they typical, and is the "+
			"normalization (%v) right?\n", q.normalization)
	}
	fmt.Fprintf(&b, "%s: %d bytes\n", q.name, q.size)
	_, err := w.Write(b.Bytes())
	return err
}

// briefly shortens a layer's name to fit a line: TensorFlow joins the names of everything that was fused into it.
func briefly(name string) string {
	const limit = 60
	name, _, _ = strings.Cut(name, ";")
	if r := []rune(name); len(r) > limit {
		name = "…" + string(r[len(r)-limit:])
	}
	return text.Clean(name)
}

func shortOp(op string) string {
	if op == "DepthwiseConv2D" {
		return "Depthwise"
	}
	return op
}

func decibels(snr float64) string {
	if math.IsInf(snr, 0) {
		return "no noise in"
	}
	return fmt.Sprintf("%.1f", snr)
}
