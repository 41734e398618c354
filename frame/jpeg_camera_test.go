package frame

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"testing"

	"edge/internal/marker"
)

// djpeg returns the luma that libjpeg's program finds in a picture, and skips the test if it isn't installed.
func djpeg(t *testing.T, data []byte, args ...string) []byte {
	t.Helper()
	program, err := exec.LookPath("djpeg")
	if err != nil {
		t.Skip("djpeg (libjpeg-turbo-progs) isn't installed")
	}
	cmd := exec.Command(program, append([]string{"-pnm"}, args...)...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); err != nil && code != 2 { // 2: with warnings
		t.Fatalf("djpeg: %v", err)
	}
	var kind, width, height, most int
	if _, err := fmt.Sscanf(string(out[:min(len(out), 40)]), "P%d\n%d %d\n%d\n", &kind, &width, &height, &most); err != nil {
		t.Fatalf("djpeg: %v", err)
	}
	channels := 1
	if kind == 6 {
		channels = 3
	}
	return out[len(out)-channels*width*height:]
}

// lumaOf returns the first component's samples, without padding.
func lumaOf(d *jpegDecoder) []byte {
	var luma []byte
	l := d.geometry.layout()
	for y := range l.planes[0].rows {
		luma = append(luma, d.pix[l.planes[0].offset+y*l.planes[0].stride:][:l.components[0].samples]...)
	}
	return luma
}

// asCamerasSend returns pictures with what cameras are known to add to good, or to leave out.
func asCamerasSend(t *testing.T, good []byte) map[string][]byte {
	t.Helper()
	pictures := map[string][]byte{"no end marker": good[:len(good)-2]}
	scan := bytes.Index(good, []byte{0xff, marker.SOS})
	for _, junk := range []string{"\x00", "\x00\x00\x00\x00", "\x7f\x7f\x7f", "\xff\x00", "\xff\xff", "\xff\x4b\x01", "\xff\x01"} {
		name := fmt.Sprintf("% x", junk)
		var everywhere, odd []byte // before RST0…RST7
		from := scan
		for i := 0; ; i++ {
			at, ok := marker.Find(good, from)
			if !ok || good[at+1] == marker.EOI {
				break
			}
			if marker.IsRestart(good[at+1]) {
				everywhere = append(append(everywhere, good[from:at]...), junk...)
				odd = append(odd, good[from:at]...)
				if i%2 == 1 {
					odd = append(odd, junk...)
				}
				from = at
			}
			end := at + 2
			everywhere, odd = append(everywhere, good[from:end]...), append(odd, good[from:end]...)
			from = end
		}
		pictures[name+" before each restart"] = bytes.Join([][]byte{good[:scan], everywhere, good[from:]}, nil)
		pictures[name+" before some restarts"] = bytes.Join([][]byte{good[:scan], odd, good[from:]}, nil)
		if junk[0] == 0xff && len(junk) == 3 {
			continue // libjpeg takes a marker that doesn't exist as an end, but before a restart
		}
		pictures[name+" at the end"] = bytes.Join([][]byte{good[:len(good)-2], []byte(junk), good[len(good)-2:]}, nil)
		w := marker.Walker{}
		for {
			code, _, err := w.Next(good)
			if err != nil {
				t.Fatal(err)
			}
			if code == marker.SOS {
				break
			}
			pictures[fmt.Sprintf("%s after segment %02x", name, code)] = bytes.Join([][]byte{good[:w.At], []byte(junk), good[w.At:]}, nil)
		}
	}
	return pictures
}

// TestMJPEGAsCamerasSendIt holds that bytes that cameras add, or leave out, don't change a sample, and that libjpeg is
// of the same opinion.
func TestMJPEGAsCamerasSendIt(t *testing.T) {
	for _, name := range []string{"420-restart", "444-restart", "422-no-tables"} {
		good := golden(t, "jpeg/"+name+".jpg")
		var d jpegDecoder
		if err := decodePlanes(&d, good); err != nil {
			t.Fatal(err)
		}
		want, luma := bytes.Clone(d.pix), lumaOf(&d)
		for what, data := range asCamerasSend(t, good) {
			if err := decodePlanes(&d, data); err != nil {
				t.Errorf("%s, %s: %v", name, what, err)
			} else if !bytes.Equal(d.pix, want) {
				t.Errorf("%s, %s: other samples", name, what)
			}
			t.Run(name+" "+what, func(t *testing.T) {
				if got := djpeg(t, data, "-grayscale"); !bytes.Equal(got, luma) {
					t.Errorf("%s, %s: libjpeg finds other samples", name, what)
				}
			})
		}
	}
}

// TestMJPEGMissingData holds that a picture of which an interval is missing, or a part of one, is damaged.
func TestMJPEGMissingData(t *testing.T) {
	good := golden(t, "jpeg/444-restart.jpg")
	restarts := []int{bytes.Index(good, []byte{0xff, marker.SOS}) + 14}
	for at := restarts[0]; ; at++ {
		var ok bool
		if at, ok = marker.Find(good, at); !ok || good[at+1] == marker.EOI {
			break
		}
		restarts = append(restarts, at)
	}
	if len(restarts) < 4 {
		t.Fatalf("%d intervals", len(restarts))
	}
	var d jpegDecoder
	for i, at := range restarts[:len(restarts)-1] {
		next := restarts[i+1]
		for what, cut := range map[string][2]int{
			"an interval":        {at, next},
			"half an interval":   {(at + next) / 2, next},
			"a restart marker":   {next, next + 2},
			"all that follows":   {(at + next) / 2, len(good)},
			"all before the end": {(at + next) / 2, len(good) - 2},
		} {
			data := append(bytes.Clone(good[:cut[0]]), good[cut[1]:]...)
			if err := decodePlanes(&d, data); !errors.Is(err, ErrDamaged) {
				t.Errorf("without %s, %d: %v", what, i, err)
			}
		}
	}
}
