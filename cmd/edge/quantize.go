package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"edge/classifier"
	"edge/evaluate"
	"edge/frame"
	"edge/internal/files"
	"edge/internal/text"
	"edge/model"
	"edge/ptq"
	"edge/quant"
)

// What is used unless a flag says otherwise: what measured best (docs/quantization.md).
const (
	defaultRanges      = ptq.MinMax
	defaultEqualize    = false
	defaultCorrectBias = true
)

// runQuantize makes an int8 network of a float32 one.
func runQuantize(ctx context.Context, args []string, std streams) error {
	var fit frame.Options
	var normalize normalization
	o := ptq.Options{Ranges: defaultRanges, Equalize: defaultEqualize, CorrectBias: defaultCorrectBias}
	f := newFlags("quantize", std)
	dir := f.String("calibrate", "", "`DIR` of typical pictures, with or without folders in it")
	size := f.Int("calibration-size", 100, "how many of the pictures to use, evenly spread")
	out := f.String("out", "", "where to write the int8 network, a .tflite `FILE`")
	f.Var(&normalize, "normalize", "what the network expects of pixels (default: what the model says):\n"+normalizeHelp)
	labels := f.String("labels", "", "names of the classes, a `FILE` with one a line (default: those in the model)")
	f.Var(&flagValue[ptq.Ranges]{&o.Ranges, ptq.ParseRanges, "HOW"}, "ranges", "activations' ranges: min-max, percentile or least-error")
	f.BoolVar(&o.Equalize, "equalize", o.Equalize, "equalize channels between layers")
	f.BoolVar(&o.CorrectBias, "correct-bias", o.CorrectBias, "correct the mean error of rounded weights")
	f.IntVar(&o.Threads, "threads", 0, "threads to calibrate with (default: the number of cores)")
	fitFlags(f, &fit)
	if err := parse(f, args); err != nil {
		return err
	}
	switch {
	case f.NArg() != 1:
		return configErrorf("edge quantize: name one float32 network, an .onnx or .tflite file")
	case *dir == "" || *out == "":
		return configErrorf("edge quantize: --calibrate DIR and --out FILE are needed")
	case *size < 1 || *size > maxCalibration:
		return configErrorf("edge quantize: --calibration-size %d: 1 to %d", *size, maxCalibration)
	case o.Threads < 0 || o.Threads > 64:
		return configErrorf("edge quantize: --threads %d: 1 to 64", o.Threads)
	}
	name := f.Arg(0)
	if err := refuseOver(*out, name); err != nil {
		return err
	}
	g, err := readFloatModel(name)
	if err != nil {
		return err
	}
	if normalize.set {
		g.Normalization = &normalize.Normalization
	}
	if g.Normalization == nil {
		return configErrorf("%s doesn't say what it expects of pixels: give --normalize\n%s", name, normalizeHelp)
	}
	shape := g.Tensors[g.Outputs[0]].Shape
	if g.Labels, err = classifier.Labels(*labels, g.Labels, shape[len(shape)-1]); err != nil {
		return misconfigured(err)
	}
	file, err := files.Create(*out, std.out) // before the work, to know that it can be written
	if err != nil {
		return configErrorf("output: %v", err)
	}
	defer file.Discard()
	c, err := readCalibration(ctx, g, *dir, *size, fit, std)
	if err != nil {
		return err
	}
	o.Progress = progressOn(std.err)
	quantized, report, err := ptq.Quantize(ctx, g, c.samples(), o)
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted: nothing has been written")
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	data, err := quantized.WriteTFLite()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := file.Write(data); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	if err := file.Commit(); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	info := std.out
	if *out == "-" {
		info = std.err
	}
	return printReport(info, report, *out, len(data))
}

// readFloatModel reads an .onnx or .tflite file, told apart by its content.
func readFloatModel(name string) (*model.Graph, error) {
	data, err := files.Read(name, classifier.MaxModelFile)
	if err != nil {
		return nil, configErrorf("model: %v", err)
	}
	var g *model.Graph
	if len(data) >= 8 && bytes.Equal(data[4:8], []byte("TFL3")) {
		g, err = model.ReadTFLite(data)
	} else {
		g, err = model.ReadONNX(data, filesBeside(name))
	}
	if err != nil {
		return nil, configErrorf("%s: %v", name, err)
	}
	if len(g.Tensors[g.Outputs[0]].Shape) == 0 {
		return nil, configErrorf("%s: its output is a single number, not classes", name)
	}
	return g, nil
}

// filesBeside reads files that lie in the same directory as the one named, and no others.
func filesBeside(name string) func(string) ([]byte, error) {
	return func(other string) ([]byte, error) {
		if other != filepath.Base(other) || !filepath.IsLocal(other) {
			return nil, fmt.Errorf("%q: it must lie beside this one", other)
		}
		data, err := files.Read(filepath.Join(filepath.Dir(name), other), classifier.MaxModelFile)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s isn't there: copy it beside %s, or export into one file (external_data=False)",
				other, filepath.Base(name))
		}
		return data, err
	}
}

// maxCalibration bounds the pictures, which are kept in memory: 150 MB at 224×224 pixels.
const maxCalibration = 1000

// calibration is the pictures that a network is calibrated with, as pixels in the shape of its input.
type calibration struct {
	pictures [][]byte
	channels int
	norm     model.Normalization
}

// readCalibration reads size of the pictures in a directory. Files that aren't pictures are named and left out.
func readCalibration(ctx context.Context, g *model.Graph, dir string, size int, o frame.Options, std streams,
) (*calibration, error) {
	shape := g.Tensors[g.Inputs[0]].Shape
	if len(shape) != 4 || shape[3] != 1 && shape[3] != 3 {
		return nil, configErrorf("the network's input has the shape %v: a picture is 1×height×width×3 (or 1)", shape)
	}
	fit, err := frame.NewFitter(frame.TensorSpec{ // the pixels themselves
		Height: shape[1], Width: shape[2], Channels: shape[3], Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1},
	}, o)
	if err != nil {
		return nil, configErrorf("calibration: %v", err)
	}
	files, err := evaluate.Pictures(dir)
	if err != nil {
		return nil, misconfigured(err)
	}
	files, _ = evaluate.SplitCalibration(files, size)
	c := &calibration{channels: shape[3], norm: *g.Normalization}
	for _, name := range files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		pixels := make([]byte, model.Elements(shape))
		if err := fitFile(ctx, fit, pixels, name); err != nil {
			fmt.Fprintf(std.err, "left out: %v\n", err)
			continue
		}
		c.pictures = append(c.pictures, pixels)
	}
	if len(c.pictures) == 0 {
		return nil, configErrorf("calibration: %s: none of its files is a picture that can be read", dir)
	}
	return c, nil
}

// fitFile brings a picture file to the shape of a network's input.
func fitFile(ctx context.Context, fit *frame.Fitter, dst []byte, name string) error {
	picture, err := frame.ReadFile(ctx, name)
	if err != nil {
		return err
	}
	if err := fit.Fit(dst, picture); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (c *calibration) samples() ptq.Samples {
	return ptq.Samples{Count: len(c.pictures), Read: func(i int, input []float32) error {
		for k, p := range c.pictures[i] {
			channel := k % c.channels
			input[k] = (float32(p) - c.norm.Mean[channel]) / c.norm.Std[channel]
		}
		return nil
	}}
}

// progressOn shows how far each pass is: on a terminal at every step, else at its end.
func progressOn(w io.Writer) func(pass string, done, total int) {
	terminal := isTerminal(w)
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
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	return err == nil
}

func printReport(w io.Writer, r *ptq.Report, name string, size int) error {
	var b bytes.Buffer
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
	fmt.Fprintf(&b, "%s: %d bytes; compared with float32 on %d pictures\n", name, size, r.Samples)
	_, err := w.Write(b.Bytes())
	return err
}

// briefly makes a layer's name fit for a line: TensorFlow joins those of all that was fused into it.
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

const normalizeHelp = `  0..1                   p / 255
  tf                     (p - 127.5) / 127.5, TensorFlow's MobileNets
  imagenet               torchvision's means and deviations
  mean=127,std=128       (p - mean) / std in pixel values 0 to 255; one value, or one each for red, green and blue`

// normalization is the flag --normalize.
type normalization struct {
	model.Normalization
	set  bool
	text string
}

func (n *normalization) String() string { return n.text }
func (n *normalization) Type() string   { return "HOW" }

func (n *normalization) Set(s string) error {
	parsed, err := parseNormalization(s)
	if err != nil {
		return err
	}
	*n = normalization{parsed, true, s}
	return nil
}

func parseNormalization(s string) (n model.Normalization, err error) {
	all := func(v float32) [3]float32 { return [3]float32{v, v, v} }
	switch s {
	case "0..1":
		return model.Normalization{Std: all(255)}, nil
	case "tf":
		return model.Normalization{Mean: all(127.5), Std: all(127.5)}, nil
	case "imagenet": // 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225, times 255
		return model.Normalization{
			Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.395, 57.12, 57.375},
		}, nil
	}
	lists := map[string][]float32{}
	key := ""
	for _, field := range strings.Split(s, ",") {
		if before, after, found := strings.Cut(field, "="); found {
			key, field = before, after
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(field), 32)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || key != "mean" && key != "std" {
			return n, fmt.Errorf("%q: choose 0..1, tf, imagenet, or for example mean=127,std=128", s)
		}
		lists[key] = append(lists[key], float32(v))
	}
	mean, std := lists["mean"], lists["std"]
	if len(mean) != 1 && len(mean) != 3 || len(std) != 1 && len(std) != 3 {
		return n, fmt.Errorf("%q: mean and std need one value each, or three", s)
	}
	for i := range 3 {
		n.Mean[i], n.Std[i] = mean[i%len(mean)], std[i%len(std)]
	}
	if least := slices.Min(std); least < 1 {
		return n, fmt.Errorf("%q: a deviation of %g: means and deviations are of pixel values from 0 to 255; "+
			"of values from 0 to 1, take 255 times those", s, least)
	}
	return n, nil
}
