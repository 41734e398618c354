package download

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"strings"
	"testing"
)

// entry is a member of an archive.
type entry struct {
	name    string
	kind    byte // a regular file unless said otherwise
	content string
	size    int64 // claimed, where it isn't the content's
}

// archiveOf packs entries as they are, sound or not.
func archiveOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	members := tar.NewWriter(zip)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Size: int64(len(e.content)), Mode: 0o644}
		if e.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink {
			h.Linkname = "/etc/passwd"
		}
		if e.size > 0 {
			h.Size = e.size
		}
		if err := members.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := members.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	_ = members.Close() // complains where a size is a lie
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestUnpack(t *testing.T) {
	large := strings.Repeat("checkpoint", 1<<17)
	for name, entries := range map[string][]entry{
		"alone":       {{name: "net.tflite", content: "network"}},
		"among":       {{name: "./", kind: tar.TypeDir}, {name: "./a.ckpt", content: large}, {name: "./net.tflite", content: "network"}, {name: "b", content: large}},
		"in a folder": {{name: "net/", kind: tar.TypeDir}, {name: "net/net.tflite", content: "network"}},
		"other links": {{name: "x", kind: tar.TypeSymlink}, {name: "net.tflite", content: "network"}},
		"other names": {{name: "._net.tflite", content: "x"}, {name: "net.tflite.txt"}, {name: "net.tflite", content: "network"}},
	} {
		data, err := Unpack(t.Context(), bytes.NewReader(archiveOf(t, entries...)), "net.tflite", 7)
		if err != nil || string(data) != "network" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	empty, err := Unpack(t.Context(), bytes.NewReader(archiveOf(t, entry{name: "net.tflite"})), "net.tflite", 7)
	if err != nil || empty == nil || len(empty) != 0 {
		t.Errorf("an empty file: %q, %v", empty, err)
	}
}

func TestUnpackRefuses(t *testing.T) {
	net := entry{name: "net.tflite", content: "network"}
	sound := archiveOf(t, net, entry{name: "more", content: strings.Repeat("more", 1000)})
	flipped := bytes.Clone(sound)
	flipped[len(flipped)-6] ^= 1 // in the checksum
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"nothing":           {nil, "cut off"},
		"no archive":        {[]byte("<html>no such file</html>"), "damaged"},
		"only zipped":       {gzipped(t, []byte(strings.Repeat("x", 2000))), "damaged"},
		"cut in the middle": {sound[:len(sound)/2], "cut off"},
		"cut at the end":    {sound[:len(sound)-1], "cut off"},
		"wrong checksum":    {flipped, "damaged"},
		"garbage after it":  {append(bytes.Clone(sound), "garbage of some length"...), "damaged"},
		"absent":            {archiveOf(t, entry{name: "other"}), "no net.tflite"},
		"empty":             {archiveOf(t), "no net.tflite"},
		"upwards":           {archiveOf(t, entry{name: "../net.tflite", content: "network"}), "leads out"},
		"upwards, another":  {archiveOf(t, entry{name: "a/../../x"}, net), "leads out"},
		"absolute":          {archiveOf(t, entry{name: "/net.tflite", content: "network"}), "leads out"},
		"symbolic link":     {archiveOf(t, entry{name: "net.tflite", kind: tar.TypeSymlink}), "no ordinary file"},
		"hard link":         {archiveOf(t, entry{name: "net.tflite", kind: tar.TypeLink}), "no ordinary file"},
		"folder":            {archiveOf(t, entry{name: "net.tflite", kind: tar.TypeDir}), "no ordinary file"},
		"device":            {archiveOf(t, entry{name: "net.tflite", kind: tar.TypeBlock}), "no ordinary file"},
		"twice":             {archiveOf(t, net, net), "twice"},
		"twice, in folders": {archiveOf(t, net, entry{name: "x/net.tflite", content: "other"}), "twice"},
		"too large":         {archiveOf(t, entry{name: "net.tflite", content: "networks"}), "8 bytes"},
		"claims to be huge": {archiveOf(t, entry{name: "net.tflite", size: 1 << 60}), "at most 7"},
		"claims to be more": {archiveOf(t, entry{name: "net.tflite", size: 7, content: "net"}), "cut off"},
	} {
		data, err := Unpack(t.Context(), bytes.NewReader(c.archive), "net.tflite", 7)
		if err == nil || !strings.Contains(err.Error(), c.want) || data != nil {
			t.Errorf("%s: %q, %v, want %s", name, data, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Unpack(ctx, bytes.NewReader(sound), "net.tflite", 7); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestUnpackBomb shows that an archive which unpacks to 200 times its size ends at the limit, and takes no memory.
func TestUnpackBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("half a gigabyte")
	}
	var packed bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	members := tar.NewWriter(zip)
	if err := members.WriteHeader(&tar.Header{Name: "bomb", Typeflag: tar.TypeReg, Size: maxUnpacked}); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range maxUnpacked >> 20 {
		if _, err := members.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(members.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Unpack(t.Context(), &packed, "net.tflite", 7); !errors.Is(err, errTooLarge) {
		t.Error(err)
	}
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// FuzzUnpack is given the tar archive, so that findings don't have to get through gzip's checksum, and the zipped one.
func FuzzUnpack(f *testing.F) {
	const limit = 1000
	for _, entries := range [][]entry{
		{{name: "net.tflite", content: "network"}},
		{{name: "./a", content: "x"}, {name: "d/net.tflite", content: "network"}, {name: "link", kind: tar.TypeSymlink}},
		{{name: strings.Repeat("long/", 40) + "net.tflite", content: "network"}},
	} {
		zipped := archiveOf(f, entries...)
		f.Add(zipped, true)
		zip, err := gzip.NewReader(bytes.NewReader(zipped))
		if err != nil {
			f.Fatal(err)
		}
		var plain bytes.Buffer
		if _, err := plain.ReadFrom(zip); err != nil {
			f.Fatal(err)
		}
		f.Add(plain.Bytes(), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, zipped bool) {
		if !zipped {
			data = gzipped(t, data)
		}
		got, err := Unpack(t.Context(), bytes.NewReader(data), "net.tflite", limit)
		if (err == nil) != (got != nil) || len(got) > limit {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}
