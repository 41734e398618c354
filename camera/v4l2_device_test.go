package camera

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edge/frame"
	"edge/quant"
)

// The tests below need a V4L2 camera, whose path is in EDGE_V4L2_DEVICE; most of them need the kernel's vivid, and the
// program vivid of e2e, which sets its controls:
//
//	GOARCH=arm64 go test -c -o /tmp/camera.test ./camera
//	go run ./e2e/guest --file /tmp/camera.test -- env EDGE_V4L2_DEVICE=/dev/video0 camera.test -test.v -test.run Device

const deviceEnv = "EDGE_V4L2_DEVICE"

func devicePath(t *testing.T) string {
	t.Helper()
	path := os.Getenv(deviceEnv)
	if path == "" {
		t.Skip(deviceEnv + " doesn't say which camera to test with")
	}
	return path
}

// vividPath is devicePath for tests that vivid must help with.
func vividPath(t *testing.T) string {
	t.Helper()
	path := devicePath(t)
	if n := inspect(path); n.Driver != "vivid" {
		t.Skip(path + " isn't vivid's")
	}
	if _, err := exec.LookPath("vivid"); err != nil {
		t.Skip(err)
	}
	return path
}

// set sets one of vivid's controls.
func set(t *testing.T, path, control string) {
	t.Helper()
	if out, err := exec.Command("vivid", "set", path, control).CombinedOutput(); err != nil {
		t.Fatalf("vivid set %s %s: %v %s", path, control, err, out)
	}
}

// leftovers are what this process has of the device: descriptors and maps.
func leftovers(t *testing.T, path string) (list []string) {
	t.Helper()
	descriptors, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range descriptors {
		if target, err := os.Readlink(fd); err == nil && target == path {
			list = append(list, fd)
		}
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = maps.Close() }()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if strings.HasSuffix(lines.Text(), path) {
			list = append(list, lines.Text())
		}
	}
	return list
}

// take checks n frames as they come; losses are allowed in between when the test says so.
func take(t *testing.T, c Camera, n int, lossAllowed bool, each func(frame.Frame)) (losses int) {
	t.Helper()
	for f, err := range elements(within(t), c) {
		if errors.Is(err, ErrLost) && lossAllowed {
			losses++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if each != nil {
			each(f)
		}
		if n--; n == 0 {
			return losses
		}
	}
	t.Fatalf("%d frames are missing", n)
	return losses
}

func TestDeviceIsListed(t *testing.T) {
	path := devicePath(t)
	nodes, err := List()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		t.Logf("%+v", n)
		if n.Path == path && (!n.Usable || len(n.Formats) == 0 || n.Name == "" || n.Bus == "") {
			t.Error("not usable")
		}
		if n.Driver == "vivid" && n.Path != "/dev/video0" && n.Usable {
			t.Error("vivid's output passes for a camera")
		}
	}
	n, err := find(Spec{})
	if err != nil || !n.Usable {
		t.Errorf("auto: %+v, %v", n, err)
	}
}

func TestDeviceGivesFrames(t *testing.T) {
	path := devicePath(t)
	for _, o := range []Options{
		{}, {Width: 224, Height: 224}, {Format: frame.NV12}, {Format: frame.RGB24, Width: 640, Height: 360},
	} {
		c, err := openSpec(path, o)
		if err != nil {
			t.Logf("%+v: %v", o, err)
			if o.Format == 0 {
				t.Fail()
			}
			continue
		}
		var last frame.Frame
		take(t, c, 8, false, func(f frame.Frame) {
			if age := time.Since(f.At); age < 0 || age > 2*time.Second {
				t.Errorf("it is %v old", age)
			}
			size := f.Format.FrameSize(f.Width, f.Height, f.Stride)
			if f.Width < o.Width || f.Height < o.Height || len(f.Pix) != size && f.Format != frame.MJPEG {
				t.Errorf("%v %d × %d, stride %d, has %d bytes", f.Format, f.Width, f.Height, f.Stride, len(f.Pix))
			}
			if last.Pix != nil && (f.Seq <= last.Seq || !f.At.After(last.At)) {
				t.Errorf("frame %d of %v comes after %d of %v", f.Seq, f.At, last.Seq, last.At)
			}
			last = f
		})
		t.Logf("%v: %v %d × %d, stride %d, matrix %d, range %d; %+v", c, last.Format, last.Width, last.Height, last.Stride,
			last.Matrix, last.Range, c.Counts())
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := leftovers(t, path); left != nil {
		t.Errorf("left: %q", left)
	}
}

// TestDeviceNewest: a network that is much slower than the camera sees what is now.
func TestDeviceNewest(t *testing.T) {
	c := open(t, devicePath(t), Options{})
	interval := time.Duration(float64(time.Second) / max(c.(*device).session.fps, 1))
	take(t, c, 5, false, func(f frame.Frame) {
		if age := time.Since(f.At); age > 3*interval+200*time.Millisecond {
			t.Errorf("it is %v old, at %v a frame", age, interval)
		}
		time.Sleep(10*interval + 300*time.Millisecond)
	})
	t.Logf("%+v", c.Counts())
}

func TestDeviceAllocatesNothing(t *testing.T) {
	s := open(t, devicePath(t), Options{}).(*device).session
	ctx := within(t)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := s.next(ctx, 5*time.Second); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// TestDeviceColours: what the driver says of its colours is what the frames say.
func TestDeviceColours(t *testing.T) {
	path := vividPath(t)
	defer set(t, path, "colorspace=2") // sRGB, as at first
	defer set(t, path, "quantization=0")
	for _, tt := range []struct {
		colorspace, quantization string
		matrix                   frame.Matrix
		rng                      frame.Range
	}{
		{"colorspace=0", "quantization=0", frame.BT601, frame.Limited},
		{"colorspace=1", "quantization=0", frame.BT709, frame.Limited},
		{"colorspace=1", "quantization=1", frame.BT709, frame.Full},
	} {
		set(t, path, tt.colorspace)
		set(t, path, tt.quantization)
		c, err := openSpec(path, Options{Format: frame.YUYV})
		if err != nil {
			t.Fatal(err)
		}
		take(t, c, 1, false, func(f frame.Frame) {
			if f.Matrix != tt.matrix || f.Range != tt.rng {
				t.Errorf("%s %s: matrix %d, range %d", tt.colorspace, tt.quantization, f.Matrix, f.Range)
			}
		})
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDeviceFormats shows eight bars of colour, and holds that frames of every format that the driver has and we read
// show them as those of RGB24 do, or as grey as they are. So the driver says where each sample lies.
func TestDeviceFormats(t *testing.T) {
	path := vividPath(t)
	set(t, path, "test_pattern=0") // bars of 75 %
	set(t, path, "osd_text_mode=2")
	const bars = 8
	spec := frame.TensorSpec{Width: bars, Height: 2, Channels: 3, Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1}}
	fitter, err := frame.NewFitter(spec, frame.Options{Fit: frame.Stretch})
	if err != nil {
		t.Fatal(err)
	}
	see := func(f frame.Format) (seen []byte) {
		c, err := openSpec(path, Options{Format: f, Width: 640, Height: 360})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		seen = make([]byte, 2*bars*3)
		take(t, c, 1, false, func(got frame.Frame) {
			if got.Format != f {
				t.Errorf("%v instead of %v", got.Format, f)
			}
			if err := fitter.Fit(seen, got); err != nil {
				t.Errorf("%v: %v", f, err)
			}
		})
		return seen
	}
	want := see(frame.RGB24)
	t.Logf("RGB24: %v", want[:3*bars])
	tested := 0
	for _, f := range inspect(path).Formats {
		if !f.Readable || f.known == frame.MJPEG {
			continue
		}
		tested++
		for i, got := range see(f.known) {
			pixel := want[i/3*3:][:3]
			expected := float64(want[i])
			if f.known.IsGrey() {
				expected = 0.2126*float64(pixel[0]) + 0.7152*float64(pixel[1]) + 0.0722*float64(pixel[2]) // vivid's weights
			}
			if math.Abs(float64(got)-expected) > 8 {
				t.Errorf("%v (%s): value %d is %d, want %.0f of %v", f.known, f.FourCC, i, got, expected, pixel)
				break
			}
		}
	}
	if tested < 12 {
		t.Errorf("%d formats", tested)
	}
	t.Logf("%d formats", tested)
}

// TestDeviceHolder isn't a test: TestDeviceBusy runs it in another process.
func TestDeviceHolder(t *testing.T) {
	if os.Getenv("EDGE_TEST_HOLDER") == "" {
		t.Skip("only for TestDeviceBusy")
	}
	c := open(t, devicePath(t), Options{})
	take(t, c, 1, false, nil)
	fmt.Println("holding")
	time.Sleep(time.Minute)
}

func TestDeviceBusy(t *testing.T) {
	path := devicePath(t)
	if inspect(path).Driver == "v4l2 loopback" {
		t.Skip("any number of programs may read from a loopback")
	}
	holder := exec.Command(os.Args[0], "-test.run", "^TestDeviceHolder$")
	holder.Env = append(os.Environ(), "EDGE_TEST_HOLDER=1")
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	}()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "holding\n" {
		t.Fatal(line, err)
	}
	c, err := openSpec(path, Options{})
	if want := fmt.Sprintf("(pid %d): stop it or choose another", holder.Process.Pid); err == nil || c != nil ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("got %v; want %q", err, want)
	}
	t.Log(err)
}

// TestDeviceErrors injects all that can go wrong while frames come: none of it ends the sequence, and no damaged frame
// gets through.
func TestDeviceErrors(t *testing.T) {
	path := vividPath(t)
	for _, tt := range []struct {
		control string
		loses   bool // the stream, so that the camera must be opened again
	}{
		{"inject_v4l2_buf_flag_error=1", false},
		{"percentage_of_dropped_buffers=60", false},
		{"inject_vidioc_qbuf_error=1", true},
		{"inject_fatal_streaming_error=1", true},
	} {
		t.Run(tt.control, func(t *testing.T) {
			defer set(t, path, "percentage_of_dropped_buffers=0")
			c := open(t, path, Options{})
			n := 0
			losses := take(t, c, 12, tt.loses, func(frame.Frame) {
				if n++; n == 3 {
					set(t, path, tt.control)
				}
			})
			if (losses > 0) != tt.loses {
				t.Errorf("lost %d times", losses)
			}
			flagged := strings.Contains(tt.control, "flag_error")
			if counts := c.Counts(); (counts.Damaged > 0) != flagged {
				t.Errorf("%+v", counts)
			}
		})
	}
	if left := leftovers(t, path); left != nil {
		t.Errorf("left: %q", left)
	}
}

// TestDeviceFailedStart: a start that fails leaves nothing, and the next one works.
func TestDeviceFailedStart(t *testing.T) {
	path := vividPath(t)
	for _, control := range []string{"inject_vidioc_reqbufs_error=1", "inject_vidioc_streamon_error=1"} {
		set(t, path, control)
		c, err := openSpec(path, Options{})
		if err == nil {
			t.Errorf("%s: no error", control)
			_ = c.Close()
		}
		t.Logf("%s: %v", control, err)
		if left := leftovers(t, path); left != nil {
			t.Errorf("%s: left: %q", control, left)
		}
		c, err = openSpec(path, Options{})
		if err != nil {
			t.Fatalf("%s, and then: %v", control, err)
		}
		take(t, c, 2, false, nil)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDeviceUnplugged: the loss is said, again and again, until the camera is back, and then frames come.
func TestDeviceUnplugged(t *testing.T) {
	path := vividPath(t)
	const driver = "/sys/bus/platform/drivers/vivid/"
	plug := func(what string) {
		if err := os.WriteFile(driver+what, []byte("vivid.0"), 0o200); err != nil {
			t.Error(err)
		}
	}
	c := open(t, path, Options{})
	before, losses, after := 0, 0, 0
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began := time.Now()
	for _, err := range elements(ctx, c) {
		switch {
		case errors.Is(err, ErrLost):
			t.Logf("%v: %v", time.Since(began).Round(10*time.Millisecond), err)
			if left := leftovers(t, path); left != nil {
				t.Errorf("left: %q", left)
			}
			if losses++; losses == 3 {
				plug("bind")
			}
		case err != nil:
			t.Fatal(err)
		case losses == 0:
			if before++; before == 3 {
				plug("unbind")
			}
		default:
			after++
		}
		if after == 5 {
			break
		}
	}
	if before < 3 || losses < 3 || after != 5 {
		t.Errorf("%d frames, %d losses, %d frames", before, losses, after)
	}
	t.Logf("all of it took %v; %+v", time.Since(began).Round(time.Millisecond), c.Counts())
}
