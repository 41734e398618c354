package model

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFilesBeside: a network may name a second file, but none elsewhere, and none to wait for.
func TestFilesBeside(t *testing.T) {
	dir := t.TempDir()
	read := filesBeside(filepath.Join(dir, "net", "net.onnx"))
	if err := os.Mkdir(filepath.Join(dir, "net"), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("net/net.onnx.data", "weights")
	write("secret", "secret")
	if err := syscall.Mkfifo(filepath.Join(dir, "net", "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := read("net.onnx.data"); err != nil || string(data) != "weights" {
		t.Errorf("%q, %v", data, err)
	}
	for _, name := range []string{
		"../secret", filepath.Join(dir, "secret"), "..", ".", "", "/", "sub/net.onnx.data", "absent", "fifo",
	} {
		done := make(chan error, 1)
		go func() {
			_, err := read(name)
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("%q is read", name)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%q is waited for", name)
		}
	}
}

// TestReadFloat tells the kinds of files apart, and names the file in errors.
func TestReadFloat(t *testing.T) {
	name := onnxFixtures(t)[0]
	g, err := ReadFloat(name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := g.WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "net.tflite")
	if err := os.WriteFile(other, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if g, err = ReadFloat(other); err != nil || len(g.Nodes) == 0 {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{filepath.Join(t.TempDir(), "absent"), t.TempDir()} {
		if _, err := ReadFloat(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%v", err)
		}
	}
}
