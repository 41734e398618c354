package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"edge/engine"
	"edge/frame"
	"edge/internal/files"
	"edge/model"
	"edge/record"
)

// runInvoke runs a network on raw tensors, in its own types and byte order, as many as the files hold.
func runInvoke(ctx context.Context, args []string, std streams) error {
	var n networkFlags
	var inputs, outputs []string
	f := newFlags("invoke", std)
	n.addModel(f)
	f.StringArrayVar(&inputs, "input", nil, "raw tensors one after another, `FILE` or - (once for each input of the network)")
	f.StringArrayVar(&outputs, "output", nil, "where to write the raw results, `FILE` or - (once for each output)")
	n.addEngine(f)
	if err := parseFlags(f, args); err != nil {
		return err
	}
	for _, out := range outputs {
		if err := refuseOver(out, n.Model); err != nil {
			return err
		}
	}
	net, err := n.load()
	if err != nil {
		return err
	}
	defer net.Close()
	if err := checkTensorFiles(inputs, outputs, net); err != nil {
		return err
	}
	from, closeInputs, err := openInputs(inputs, net.Inputs(), std.in)
	if err != nil {
		return err
	}
	defer closeInputs()
	to, discard, err := createOutputs(outputs, std.out)
	if err != nil {
		return err
	}
	defer discard()
	if err := invokeAll(ctx, net, from, to); err != nil {
		return err
	}
	for _, w := range to {
		if err := w.Commit(); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	return nil
}

// refuseOver returns an error if the file to be written is one that a command reads, or a picture or a recording in a
// folder that it reads, under whatever name: it would be lost.
func refuseOver(out string, inputs ...string) error {
	written, err := os.Stat(out)
	if err != nil {
		return nil // there is nothing to lose
	}
	for _, in := range inputs {
		err := filepath.WalkDir(in, func(name string, e fs.DirEntry, err error) error {
			if err != nil || name != in && frame.PictureType(name) == "" && filepath.Ext(name) != record.Suffix {
				return nil // others that lie there are likely to be what an earlier run has written
			}
			if read, err := os.Stat(name); err == nil && read.Mode().IsRegular() && os.SameFile(written, read) {
				return configErrorf("%s is %s, which this command reads: write to another file", out, name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// refuseOther returns an error if there is a file already where a network is to be written, and it isn't one: a slip would lose it,
// the weights that lie beside an .onnx file, say.
func refuseOther(out string) error {
	if there, err := os.Stat(out); err != nil || !there.Mode().IsRegular() || there.Size() == 0 {
		return nil
	}
	f, err := files.Open(out, math.MaxInt64)
	if err != nil {
		return configErrorf("output: %v", err)
	}
	defer f.Close()
	var start [8]byte
	if n, err := io.ReadFull(f, start[:]); err == nil && model.IsTFLite(start[:n]) {
		return nil
	}
	return configErrorf("%s is there and is no .tflite file: write to another file, or remove it", out)
}

// checkTensorFiles checks that there is one file for each input and output, and that no two are the same.
func checkTensorFiles(inputs, outputs []string, net *engine.Net) error {
	if len(inputs) != len(net.Inputs()) || len(outputs) != len(net.Outputs()) {
		return configErrorf("edge invoke: %d --input and %d --output given; the network has %s and %s",
			len(inputs), len(outputs), tensorList("input", net.Inputs()), tensorList("output", net.Outputs()))
	}
	for i, name := range inputs {
		if name == "-" && slices.Contains(inputs[:i], name) {
			return configErrorf("edge invoke: two inputs can't both come from standard input")
		}
	}
	for i, name := range outputs {
		if name == "" || slices.Contains(outputs[:i], name) {
			return configErrorf("edge invoke: --output %q: each output needs a file of its own", name)
		}
	}
	return nil
}

// invokeAll runs the network on all that the inputs hold.
func invokeAll(ctx context.Context, net *engine.Net, from []rawInput, to []*files.Whole) error {
	for count := 0; ; count++ {
		if ctx.Err() != nil {
			return fmt.Errorf("stopped after %d inferences, the outputs are left as they were", count)
		}
		more, err := readEach(from, count)
		if err != nil {
			return fmt.Errorf("input: %w", err)
		}
		if !more {
			return nil
		}
		net.Run()
		for i, t := range net.Outputs() {
			if _, err := to[i].Write(t.Data); err != nil {
				return fmt.Errorf("output: %w", err)
			}
		}
	}
}

// rawInput is a file of raw tensors, one after another, for one input of the network.
type rawInput struct {
	io.Reader
	name string
	to   engine.Tensor
}

func openInputs(names []string, tensors []engine.Tensor, stdin io.Reader) (list []rawInput, closeAll func(), err error) {
	var opened []*os.File
	closeAll = func() {
		for _, f := range opened {
			f.Close()
		}
	}
	for i, name := range names {
		if name == "-" {
			list = append(list, rawInput{bufio.NewReader(stdin), "standard input", tensors[i]})
			continue
		}
		file, err := os.Open(name) // may wait for a pipe's writer
		if err == nil {
			opened = append(opened, file)
			err = checkEnds(file)
		}
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("input: %w", err)
		}
		list = append(list, rawInput{bufio.NewReaderSize(file, 1<<16), name, tensors[i]})
	}
	return list, closeAll, nil
}

// checkEnds refuses a device other than a terminal: /dev/zero has no end.
func checkEnds(file *os.File) error {
	info, err := file.Stat()
	if err == nil && info.Mode()&os.ModeDevice != 0 && !isTerminal(file) {
		err = fmt.Errorf("%s is a device, neither a file nor a pipe", file.Name())
	}
	return err
}

// readEach reads the next tensor of each input, after count of them. It is false at the common end of all.
func readEach(inputs []rawInput, count int) (more bool, err error) {
	for i := range inputs {
		got, err := inputs[i].read(count)
		switch {
		case err != nil:
			return false, err
		case i == 0:
			more = got
		case got != more:
			return false, fmt.Errorf("%s and %s don't hold the same number of tensors: only one ends after %d",
				inputs[0].name, inputs[i].name, count)
		}
	}
	return more, nil
}

// read reads the next tensor, after count of them. It is false at the end of the file.
func (in *rawInput) read(count int) (bool, error) {
	n, err := io.ReadFull(in, in.to.Data)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return false, fmt.Errorf("%s ends within its tensor %d, after %d of %d bytes (%q is %s)",
			in.name, count+1, n, len(in.to.Data), in.to.Name, typeAndShape(in.to))
	case errors.Is(err, io.EOF) && count == 0:
		return false, fmt.Errorf("%s is empty: %q is %s, %d bytes", in.name, in.to.Name, typeAndShape(in.to), len(in.to.Data))
	case errors.Is(err, io.EOF):
		return false, nil
	}
	return false, fmt.Errorf("%s: %w", in.name, err)
}

func typeAndShape(t engine.Tensor) string { return t.Type.String() + " " + dims(t.Shape) }

func tensorList(kind string, tensors []engine.Tensor) string {
	s := fmt.Sprintf("%d %s", len(tensors), kind)
	if len(tensors) != 1 {
		s += "s"
	}
	for i, t := range tensors {
		sep := ", "
		if i == 0 {
			sep = " ("
		}
		s += fmt.Sprintf("%s%s: %s", sep, model.Printable(t.Name), typeAndShape(t))
	}
	return s + ")"
}

func createOutputs(names []string, stdout io.Writer) (outputs []*files.Whole, discard func(), err error) {
	discard = func() {
		for _, w := range outputs {
			w.Discard()
		}
	}
	for _, name := range names {
		w, err := files.Create(name, stdout)
		if err != nil {
			discard()
			return nil, nil, fmt.Errorf("output: %w", err)
		}
		outputs = append(outputs, w)
	}
	return outputs, discard, nil
}
