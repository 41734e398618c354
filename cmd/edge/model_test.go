package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"edge/catalogue"
	"edge/download"
	"edge/model"

	"golang.org/x/sys/unix"
)

// The networks of the tests: one whose SHA-256 edge knows, two of which it doesn't.
const (
	knownNet   = "mobilenet_v1_0.25_128_quant"
	unknownNet = "mobilenet_v1_0.25_160_quant"
	otherNet   = "mobilenet_v1_0.25_192_quant"
	lockFile   = "edge-models.lock"
)

// hostedFile makes a network of a hosted one's form: a blueprint's of int8, between conversions from and to u8.
func hostedFile(t testing.TB, name string, seed uint64) []byte {
	t.Helper()
	h, ok := catalogue.Named(name)
	if !ok {
		t.Fatalf("no network %s", name)
	}
	b, err := h.Blueprint()
	if err != nil {
		t.Fatal(err)
	}
	g := b.Graph(seed)
	in, out := g.Inputs[0], g.Outputs[0]
	convert := func(like int, name string) int {
		u8 := g.Tensors[like]
		u8.Name, u8.Type = name, model.Uint8
		u8.Quant = []model.Quant{{Scale: u8.Quant[0].Scale, ZeroPoint: u8.Quant[0].ZeroPoint + 128}}
		g.Tensors = append(g.Tensors, u8)
		return len(g.Tensors) - 1
	}
	g.Inputs[0], g.Outputs[0] = convert(in, "u8 input"), convert(out, "u8 output")
	g.Nodes = slices.Concat(
		[]model.Node{{Op: model.Quantize{}, Inputs: []int{g.Inputs[0]}, Outputs: []int{in}}},
		g.Nodes,
		[]model.Node{{Op: model.Quantize{}, Inputs: []int{out}, Outputs: []int{g.Outputs[0]}}},
	)
	data, err := g.WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// tgz packs names and contents, in turn.
func tgz(t testing.TB, files ...string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	members := tar.NewWriter(zip)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Name: files[i], Typeflag: tar.TypeReg, Size: int64(len(files[i+1])), Mode: 0o644}
		if err := members.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := members.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := members.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// mirror is a server of archives that curl trusts.
type mirror struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte // by path
	asked []string          // what was asked for, with its range
}

// put serves an archive, or nothing, under a network's name.
func (m *mirror) put(name string, archive []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[archivePath(name)] = archive; archive == nil {
		delete(m.files, archivePath(name))
	}
}

// requests are those since it was asked the last time.
func (m *mirror) requests() (asked []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked, m.asked = m.asked, nil
	return asked
}

func archivePath(name string) string { return "/models/" + name + ".tgz" }

func newMirror(t *testing.T) *mirror {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skipf("skipped without curl: %v", err)
	}
	m := &mirror{files: map[string][]byte{}}
	m.Server = httptest.NewTLSServer(m)
	t.Cleanup(m.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	write(t, bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.Certificate().Raw}))
	t.Setenv("CURL_CA_BUNDLE", bundle)
	t.Setenv("no_proxy", "*")
	return m
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
	file, ok := m.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, r.URL.Path, time.Time{}, bytes.NewReader(file))
}

// get runs edge model get against the mirror.
func (m *mirror) get(name, dir string) (status int, stdout, stderr string) {
	return edge("model", "get", name, "--dir", dir, "--mirror", m.URL+"/models/")
}

// offer puts an archive with this network on the mirror.
func (m *mirror) offer(t testing.TB, name string, network []byte) []byte {
	archive := tgz(t, "./"+name+".ckpt", strings.Repeat("checkpoint", 1000), "./"+name+".tflite", string(network))
	m.put(name, archive)
	return archive
}

// onlyFiles fails unless a folder has these files and no others.
func onlyFiles(t testing.TB, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

func TestModelGet(t *testing.T) {
	m := newMirror(t)
	network := hostedFile(t, unknownNet, 1)
	m.offer(t, unknownNet, network)
	dir := filepath.Join(t.TempDir(), "models")
	file := filepath.Join(dir, unknownNet+".tflite")
	sum := download.PinOf("", network).SHA256

	status, stdout, stderr := m.get(unknownNet, dir)
	if status != 0 || !strings.Contains(stdout, sum) || !strings.Contains(stdout, "first time and pinned in "+dir) {
		t.Fatalf("status %d, %q, %q", status, stdout, stderr)
	}
	if got := readTestFile(t, file); !bytes.Equal(got, network) {
		t.Fatalf("%d bytes, want %d", len(got), len(network))
	}
	onlyFiles(t, dir, unknownNet+".tflite", lockFile)
	lock := string(readTestFile(t, filepath.Join(dir, lockFile)))
	if !strings.Contains(lock, fmt.Sprintf("\n%s.tflite %d %s\n", unknownNet, len(network), sum)) {
		t.Errorf("lock file %q", lock)
	}

	// What is here isn't fetched again, and is known everywhere.
	if status, stdout, stderr := m.get(unknownNet, dir); status != 0 || !strings.Contains(stdout, "is here, verified") {
		t.Errorf("again: status %d, %q, %q", status, stdout, stderr)
	}
	if asked := m.requests(); len(asked) != 1 {
		t.Errorf("the server was asked for %q", asked)
	}
	status, stdout, _ = edge("model", "verify", file)
	if status != 0 || !strings.Contains(stdout, "verified, it is "+unknownNet) || !strings.Contains(stdout, sum) {
		t.Errorf("verify: status %d, %q", status, stdout)
	}
	if state := states(t, dir); state[unknownNet] != catalogue.Verified || state[knownNet] != catalogue.Absent {
		t.Errorf("%v", state)
	}

	// The second network's pin stands beside the first's; a network that is gone must come back the same.
	m.offer(t, otherNet, hostedFile(t, otherNet, 1))
	if status, _, stderr := m.get(otherNet, dir); status != 0 {
		t.Errorf("another: %q", stderr)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := m.get(unknownNet, dir); status != 0 || !strings.Contains(stdout, "as "+filepath.Join(dir, lockFile)+" knows it") {
		t.Errorf("the same again: status %d, %q, %q", status, stdout, stderr)
	}
	onlyFiles(t, dir, unknownNet+".tflite", otherNet+".tflite", lockFile)
}

func TestModelGetResumes(t *testing.T) {
	m := newMirror(t)
	network := hostedFile(t, unknownNet, 1)
	archive := m.offer(t, unknownNet, network)
	for _, c := range []struct {
		name  string
		part  []byte
		asked []string
	}{
		{"half", archive[:1000], []string{"bytes=1000-"}},
		{"whole", archive, []string{fmt.Sprintf("bytes=%d-", len(archive))}},
		{"another file's", bytes.Repeat([]byte("x"), 1000), []string{"bytes=1000-", ""}},
		{"longer", append(bytes.Clone(archive), 0), []string{fmt.Sprintf("bytes=%d-", len(archive)+1), ""}},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, unknownNet+".tgz.part"), c.part)
		m.requests()
		if status, _, stderr := m.get(unknownNet, dir); status != 0 {
			t.Errorf("%s: status %d, %q", c.name, status, stderr)
			continue
		}
		for i, r := range c.asked {
			c.asked[i] = strings.TrimSpace(archivePath(unknownNet) + " " + r)
		}
		if asked := m.requests(); !slices.Equal(asked, c.asked) {
			t.Errorf("%s: the server was asked for %q, want %q", c.name, asked, c.asked)
		}
		if got := readTestFile(t, filepath.Join(dir, unknownNet+".tflite")); !bytes.Equal(got, network) {
			t.Errorf("%s: another network came", c.name)
		}
		onlyFiles(t, dir, unknownNet+".tflite", lockFile)
	}
}

// TestModelGetReal has the bytes that edge knows, if they are here.
func TestModelGetReal(t *testing.T) {
	m := newMirror(t)
	network, err := os.ReadFile(filepath.Join(sharedModels, knownNet+".tflite"))
	if err != nil {
		t.Skipf("skipped without ../shared: %v", err)
	}
	m.offer(t, knownNet, network)
	dir := t.TempDir()
	if status, stdout, stderr := m.get(knownNet, dir); status != 0 || !strings.Contains(stdout, "as edge knows it") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	onlyFiles(t, dir, knownNet+".tflite") // there is nothing to learn
	renamed := filepath.Join(dir, "net.tflite")
	write(t, renamed, network)
	if status, stdout, _ := edge("model", "verify", renamed); status != 0 || !strings.Contains(stdout, "it is "+knownNet) {
		t.Errorf("renamed: status %d, %q", status, stdout)
	}
	wrong := filepath.Join(dir, otherNet+".tflite")
	write(t, wrong, network)
	expectFailure(t, statusFailed, []string{"the name is wrong", knownNet}, "model", "verify", wrong)
}

func TestModelGetRefuses(t *testing.T) {
	m := newMirror(t)
	right := hostedFile(t, unknownNet, 1)
	packed := tgz(t, unknownNet+".tflite", string(right))
	other := hostedFile(t, knownNet, 1)
	known, _ := catalogue.Named(knownNet)
	for _, c := range []struct {
		name, network string
		archive       []byte
		words         []string
	}{
		{"nothing", unknownNet, nil, []string{"404", m.URL}},
		{"a page", unknownNet, []byte("<html>no such file</html>"), []string{"damaged"}},
		{"truncated", unknownNet, packed[:len(packed)/2], []string{"cut off"}},
		{"no network inside", unknownNet, tgz(t, "other.tflite", "x"), []string{"there is no " + unknownNet + ".tflite"}},
		{"a path upwards", unknownNet, tgz(t, "../"+unknownNet+".tflite", string(right)), []string{"leads out of it"}},
		{"two of them", unknownNet, tgz(t, unknownNet+".tflite", string(right), "b/"+unknownNet+".tflite", "x"), []string{"twice"}},
		{"too large", unknownNet, tgz(t, unknownNet+".tflite", strings.Repeat("x", 16<<20+1)), []string{"at most"}},
		{"no network at all", unknownNet, tgz(t, unknownNet+".tflite", "this is no network"), []string{"not a .tflite file"}},
		{"another network", unknownNet, tgz(t, unknownNet+".tflite", string(other)), []string{"isn't " + unknownNet}},
		{"wrong sum", knownNet, tgz(t, knownNet+".tflite", string(other)), []string{known.SHA256, download.PinOf("", other).SHA256}},
	} {
		dir := t.TempDir()
		m.put(c.network, c.archive)
		status, stdout, stderr := m.get(c.network, dir)
		if status != statusFailed || stdout != "" {
			t.Errorf("%s: status %d, %q", c.name, status, stdout)
		}
		for _, w := range c.words {
			if !strings.Contains(stderr, w) {
				t.Errorf("%s: %q doesn't say %q", c.name, stderr, w)
			}
		}
		onlyFiles(t, dir) // neither a network nor what it would come from, nor a pin
	}
}

// TestModelGetDiffers shows that a pin once learned holds, and that a person's file isn't written over.
func TestModelGetDiffers(t *testing.T) {
	m := newMirror(t)
	first, second := hostedFile(t, unknownNet, 1), hostedFile(t, unknownNet, 2)
	one, two := download.PinOf("", first).SHA256, download.PinOf("", second).SHA256
	m.offer(t, unknownNet, first)
	dir := t.TempDir()
	file := filepath.Join(dir, unknownNet+".tflite")
	if status, _, stderr := m.get(unknownNet, dir); status != 0 {
		t.Fatal(stderr)
	}
	get := []string{"model", "get", unknownNet, "--dir", dir, "--mirror", m.URL + "/models"}

	// The file was changed.
	write(t, file, second)
	expectFailure(t, statusFailed, []string{file, one, two, "move it away"}, get...)
	expectFailure(t, statusFailed, []string{file, one, two}, "model", "verify", file)
	if state := states(t, dir); state[unknownNet] != catalogue.Different {
		t.Errorf("%v", state)
	}
	_, stdout, _ := edge("model", "list", "--dir", dir)
	if !strings.Contains(stdout, unknownNet+", here, but DIFFERENT") {
		t.Error(stdout)
	}

	// The server's was.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	m.offer(t, unknownNet, second)
	expectFailure(t, statusFailed, []string{one, two, lockFile}, get...)
	onlyFiles(t, dir, lockFile)

	// A file of unknown origin is only pinned if it is the server's.
	fresh := t.TempDir()
	file = filepath.Join(fresh, unknownNet+".tflite")
	write(t, file, first)
	if state := states(t, fresh); state[unknownNet] != catalogue.Unpinned {
		t.Errorf("%v", state)
	}
	expectFailure(t, statusFailed, []string{"not verified", "sound network, of " + unknownNet, one}, "model", "verify", file)
	expectFailure(t, statusFailed, []string{one, two, "move it away"}, "model", "get", unknownNet, "--dir", fresh, "--mirror", m.URL+"/models")
	if got := readTestFile(t, file); !bytes.Equal(got, first) {
		t.Error("a person's file was written over")
	}
	m.offer(t, unknownNet, first)
	if status, _, stderr := m.get(unknownNet, fresh); status != 0 {
		t.Error(stderr)
	}
	if state := states(t, fresh); state[unknownNet] != catalogue.Verified {
		t.Errorf("%v", state)
	}

	// A pin that contradicts edge.
	write(t, filepath.Join(dir, lockFile), fmt.Appendf(nil, "%s.tflite 1 %s\n", knownNet, one))
	known, _ := catalogue.Named(knownNet)
	for _, args := range [][]string{get, {"model", "list", "--dir", dir}} {
		expectFailure(t, statusFailed, []string{lockFile, knownNet, one, known.SHA256}, args...)
	}
	write(t, filepath.Join(dir, lockFile), []byte("who knows\n"))
	expectFailure(t, statusFailed, []string{lockFile + ":1:"}, get...)
}

func TestModelGetPlainHTTP(t *testing.T) {
	m := newMirror(t)
	network := hostedFile(t, unknownNet, 1)
	m.offer(t, unknownNet, network)
	plain := httptest.NewServer(m)
	defer plain.Close()
	dir := t.TempDir()
	get := []string{"model", "get", unknownNet, "--dir", dir, "--mirror", plain.URL + "/models"}
	expectFailure(t, statusFailed, []string{"only https", "isn't known yet"}, get...)
	onlyFiles(t, dir)
	write(t, filepath.Join(dir, lockFile), download.FormatPins([]download.Pin{download.PinOf(unknownNet+".tflite", network)}))
	if status, _, stderr := edge(get...); status != 0 {
		t.Error(stderr)
	}
	expectFailure(t, statusConfig, []string{"--mirror", "https"}, "model", "get", unknownNet, "--mirror", "ftp://x")
}

func TestModelGetInterrupted(t *testing.T) {
	m := newMirror(t)
	archive := m.offer(t, unknownNet, hostedFile(t, unknownNet, 1))
	begun := make(chan struct{})
	slow := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(archive)))
		_, _ = w.Write(archive[:100<<10])
		w.(http.Flusher).Flush()
		close(begun)
		<-r.Context().Done()
	}))
	slow.TLS = m.TLS
	slow.StartTLS()
	defer slow.Close()
	dir := t.TempDir()
	part := filepath.Join(dir, unknownNet+".tgz.part")

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if info, err := os.Stat(part); err == nil && info.Size() == 100<<10 {
				break
			}
		}
		cancel()
	}()
	var stdout, stderr bytes.Buffer
	status := Main(ctx, []string{"model", "get", unknownNet, "--dir", dir, "--mirror", slow.URL},
		streams{strings.NewReader(""), &stdout, &stderr})
	if status != statusFailed || !strings.Contains(stderr.String(), "interrupted") || stdout.Len() > 0 {
		t.Errorf("status %d, %q, %q", status, &stdout, &stderr)
	}
	onlyFiles(t, dir, unknownNet+".tgz.part")
	if got := readTestFile(t, part); !bytes.Equal(got, archive[:100<<10]) {
		t.Errorf("the part has %d bytes", len(got))
	}
	status, _, complaint := m.get(unknownNet, dir)
	if asked := m.requests(); status != 0 || !slices.Equal(asked, []string{archivePath(unknownNet) + " bytes=102400-"}) {
		t.Errorf("asked for %q, %q", asked, complaint)
	}
}

func TestModelGetWithoutCurl(t *testing.T) {
	t.Setenv("PATH", "")
	dir := t.TempDir()
	h, _ := catalogue.Named(unknownNet)
	archive := filepath.Join(dir, unknownNet+".tgz")
	get := []string{"model", "get", unknownNet, "--dir", dir}
	expectFailure(t, statusFailed, []string{"curl isn't installed", h.Archive, archive, "edge model verify"}, get...)
	onlyFiles(t, dir)

	// As the message says.
	network := hostedFile(t, unknownNet, 1)
	write(t, archive, tgz(t, unknownNet+".tflite", string(network)))
	if status, _, stderr := edge(get...); status != 0 {
		t.Error(stderr)
	}
	onlyFiles(t, dir, unknownNet+".tflite", unknownNet+".tgz", lockFile)
}

func TestModelGetAlone(t *testing.T) {
	dir := t.TempDir()
	folder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil {
		t.Skipf("skipped: this file system has no locks: %v", err)
	}
	expectFailure(t, statusFailed, []string{dir, "another edge model get"}, "model", "get", unknownNet, "--dir", dir)
	onlyFiles(t, dir)
}

// TestModelGetThroughLinks shows that nothing is written through a link that somebody has put into the folder, nor into a
// pipe, and that what it points to stays as it is.
func TestModelGetThroughLinks(t *testing.T) {
	m := newMirror(t)
	m.offer(t, unknownNet, hostedFile(t, unknownNet, 1))
	for _, name := range []string{unknownNet + ".tgz.part", unknownNet + ".tflite", lockFile} {
		for _, exists := range []bool{true, false} {
			dir, target := t.TempDir(), filepath.Join(t.TempDir(), "precious")
			if exists {
				write(t, target, nil) // so that it can be read as a lock file
			}
			if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			status, stdout, stderr := m.get(unknownNet, dir)
			if status != statusFailed || stdout != "" || !strings.Contains(stderr, name) {
				t.Errorf("%s, target there: %v: status %d, %q, %q", name, exists, status, stdout, stderr)
			}
			if data, err := os.ReadFile(target); exists && (err != nil || len(data) > 0) || !exists && err == nil {
				t.Errorf("%s, target there: %v: the target has %d bytes, %v", name, exists, len(data), err)
			}
		}
	}
	for _, name := range []string{unknownNet + ".tgz.part", unknownNet + ".tflite", lockFile, unknownNet + ".tgz"} {
		dir := t.TempDir()
		if err := unix.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, stdout, stderr := m.get(unknownNet, dir); status != statusFailed || stdout != "" || !strings.Contains(stderr, name) {
			t.Errorf("a pipe %s: status %d, %q, %q", name, status, stdout, stderr)
		}
	}
}

func TestModelWords(t *testing.T) {
	for _, args := range [][]string{{}, {"fetch"}, {"list", "x"}, {"get"}, {"get", "a", "b"}, {"verify"}, {"verify", "a", "b"}} {
		expectFailure(t, statusConfig, []string{"list, get NAME, or verify FILE"}, append([]string{"model"}, args...)...)
	}
	expectFailure(t, statusConfig, []string{"did you mean mobilenet_v1_1.0_224_quant?"}, "model", "get", "mobilenet_v1_1.0_224")
	expectFailure(t, statusConfig, []string{"did you mean mobilenet_v2_1.0_224_quant?"}, "model", "get", "mobilenet-v2_1.0_224_quant.tflite")
	expectFailure(t, statusConfig, []string{`no network "mobilenet_v9"`, "edge model list"}, "model", "get", "mobilenet_v9")
	expectFailure(t, statusConfig, []string{"--json is for list alone"}, "model", "get", knownNet, "--json")
	expectFailure(t, statusConfig, []string{"--mirror is for get alone"}, "model", "list", "--mirror", "https://x")
	expectFailure(t, statusConfig, []string{"--dir is for list and get alone"}, "model", "verify", "x", "--dir", ".")
	expectFailure(t, statusFailed, []string{"absent.tflite", "no such file"}, "model", "verify", "absent.tflite")
	expectFailure(t, statusFailed, []string{"u8 1×8×8×3 to u8 1×3", "none of the catalogue's"}, "model", "verify", colourModel(t))
	text := filepath.Join(t.TempDir(), "text")
	write(t, text, []byte("this is no model"))
	expectFailure(t, statusFailed, []string{text, "not a .tflite file"}, "model", "verify", text)

	status, stdout, _ := edge("model", "list", "--dir", t.TempDir())
	if status != 0 || strings.Count(stdout, "mobilenet_v") != 17 || strings.Contains(stdout, "here") {
		t.Errorf("status %d, %s", status, stdout)
	}
}

// states are the catalogue's, as edge model list --json says.
func states(t testing.TB, dir string) map[string]catalogue.FileState {
	t.Helper()
	_, stdout, stderr := edge("model", "list", "--json", "--dir", dir)
	var all []catalogue.Listed
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || len(all) != 17 {
		t.Fatalf("%d networks, %v, %q", len(all), err, stderr)
	}
	found := map[string]catalogue.FileState{}
	for _, l := range all {
		found[l.Name] = l.State
		if l.MACs == 0 || l.Parameters == 0 || l.Size < int64(l.Parameters) || l.Top1 < 30 || l.Source == "" {
			t.Errorf("%+v", l)
		}
	}
	return found
}

// TestHostedLabels shows that a hosted network's classes have names, and that no other's get them.
func TestHostedLabels(t *testing.T) {
	dir := t.TempDir()
	picture := colourPicture(t, "red.png", red)
	label := func(file string, network []byte) (index int, label string) {
		t.Helper()
		name := filepath.Join(dir, file)
		write(t, name, network)
		status, stdout, stderr := edge("classify", "--json", "--top-k", "1", "--model", name, picture)
		var got classified
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || len(got.Top) != 1 {
			t.Fatalf("status %d, %v, %q", status, err, stderr)
		}
		return got.Top[0].Index, got.Top[0].Label
	}
	names := append([]string{"background"}, catalogue.ImageNet()...)
	if len(names) != 1001 {
		t.Fatalf("%d names", len(names))
	}
	network := hostedFile(t, knownNet, 1)
	if index, got := label(knownNet+".tflite", network); got != names[index] {
		t.Errorf("class %d is %q, want %q", index, got, names[index])
	}
	if index, got := label("mine.tflite", network); got != fmt.Sprint("class ", index) {
		t.Errorf("a network of one's own: class %d is %q", index, got)
	}
	if index, got := label(otherNet+".tflite", network); got != fmt.Sprint("class ", index) {
		t.Errorf("another network's name: class %d is %q", index, got)
	}
	own := filepath.Join(dir, "labels.txt")
	write(t, own, []byte("a\nb\n"))
	expectFailure(t, statusConfig, []string{"2 labels", "1001"}, "classify", "--labels", own, "--model", filepath.Join(dir, knownNet+".tflite"), picture)
}
