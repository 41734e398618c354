package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"edge/engine"
)

// runInvoke runs a network on raw tensors, in its own types and byte order, as many as the files hold.
func runInvoke(ctx context.Context, args []string, std streams) error {
	var n networkFlags
	var inputs, outputs []string
	f := newFlags("invoke", std)
	f.StringVar(&n.model, "model", "", "the network, a quantized .tflite `FILE`")
	f.StringArrayVar(&inputs, "input", nil, "raw tensors one after another, `FILE` or - (once for each input of the network)")
	f.StringArrayVar(&outputs, "output", nil, "where to write the raw results, `FILE` or - (once for each output)")
	n.addEngine(f)
	if err := parse(f, args); err != nil {
		return err
	}
	g, err := readModel(n.model)
	if err != nil {
		return err
	}
	net, err := n.compile(g)
	if err != nil {
		return fmt.Errorf("%s: %w", n.model, err)
	}
	defer net.Close()
	return invokeFiles(ctx, net, inputs, outputs, std)
}

func invokeFiles(ctx context.Context, net *engine.Net, inputs, outputs []string, std streams) error {
	if len(inputs) != len(net.Inputs()) || len(outputs) != len(net.Outputs()) {
		return configErrorf("edge invoke: %d --input and %d --output given; the network has %s and %s",
			len(inputs), len(outputs), tensorList("input", net.Inputs()), tensorList("output", net.Outputs()))
	}
	readers := make([]io.Reader, len(inputs))
	for i, name := range inputs {
		if name == "-" {
			readers[i] = std.in
			continue
		}
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("input: %w", err)
		}
		defer file.Close()
		readers[i] = bufio.NewReaderSize(file, 1<<16)
	}
	writers := make([]*wholeFile, len(outputs))
	for i, name := range outputs {
		w, err := createWhole(name, std.out)
		if err != nil {
			return fmt.Errorf("output: %w", err)
		}
		defer w.discard()
		writers[i] = w
	}
	for count := 0; ; count++ {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped after %d inferences, nothing written", count)
		}
		done, err := readInputs(net, readers, inputs, count)
		if err != nil {
			return err
		}
		if done {
			break
		}
		net.Run()
		for i, t := range net.Outputs() {
			if _, err := writers[i].Write(t.Data); err != nil {
				return fmt.Errorf("output: %w", err)
			}
		}
	}
	for _, w := range writers {
		if err := w.commit(); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	return nil
}

// readInputs reads one tensor for each input. It reports the common end of all files.
func readInputs(net *engine.Net, readers []io.Reader, names []string, count int) (done bool, err error) {
	for i, t := range net.Inputs() {
		n, err := io.ReadFull(readers[i], t.Data)
		switch {
		case err == nil:
			if done {
				return false, fmt.Errorf("input: %s has more tensors than %s, which ends after %d", names[i], names[0], count)
			}
		case errors.Is(err, io.EOF) && (i == 0 || done):
			done = true
			if count == 0 {
				return false, fmt.Errorf("input: %s is empty", names[i])
			}
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return false, fmt.Errorf("input: %s ends within tensor %d: %d bytes of %d (%s %v)",
				names[i], count, n, len(t.Data), t.Type, t.Shape)
		default:
			return false, fmt.Errorf("input: %w", err)
		}
	}
	return done, nil
}

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
		s += fmt.Sprintf("%s%s: %s %v", sep, t.Name, t.Type, t.Shape)
	}
	return s + ")"
}

// wholeFile is a file that appears under its name only when all of it is written.
type wholeFile struct {
	*bufio.Writer
	file *os.File // nil for standard output
	name string
}

func createWhole(name string, stdout io.Writer) (*wholeFile, error) {
	if name == "-" {
		return &wholeFile{Writer: bufio.NewWriter(stdout)}, nil
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // a device or a pipe: written in place
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &wholeFile{Writer: bufio.NewWriter(file)}, nil
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return nil, err
	}
	return &wholeFile{bufio.NewWriterSize(file, 1<<16), file, name}, nil
}

// commit puts the file in its place.
func (w *wholeFile) commit() error {
	if err := w.Flush(); err != nil || w.file == nil {
		return err
	}
	file := w.file
	if err := errors.Join(file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), w.name); err != nil {
		return err
	}
	w.file = nil
	return nil
}

// discard removes what hasn't been committed.
func (w *wholeFile) discard() {
	if w.file != nil {
		w.file.Close()
		os.Remove(w.file.Name())
	}
}
