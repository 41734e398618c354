package gpio

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
	"periph.io/x/host/v3/gpioioctl"
)

// periph's lines could take the place of ours; package gpio says why they don't.
var _ group = (*gpioioctl.LineSet)(nil)

// Sizes by include/uapi/linux/gpio.h, where every field lies at a multiple of its size; checked for each GOARCH that
// this test compiles for. The ioctls carry them: 0xc250b407 is a request of 0x250 bytes.
var (
	_ [592]byte = [unsafe.Sizeof(unix.GPIOV2LineRequest{})]byte{}
	_ [256]byte = [unsafe.Sizeof(unix.GPIOV2LineInfo{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(unix.GPIOV2LineValues{})]byte{}
)

// The bytes of a request, laid out by hand from the header: u32 offsets[64] @0, char consumer[32] @256, config @288
// {u64 flags, u32 num_attrs @296, attrs @320, each 24 bytes {u32 id, u32 padding, u64 value, u64 mask}},
// u32 num_lines @560, s32 fd @588.
func TestOutputRequest(t *testing.T) {
	want := make([]byte, 592)
	u32 := func(at int, v uint32) { binary.NativeEndian.PutUint32(want[at:], v) }
	u64 := func(at int, v uint64) { binary.NativeEndian.PutUint64(want[at:], v) }
	u32(0, 17)
	u32(4, 27)
	copy(want[256:], "edge")
	u64(288, 1<<3) // output
	u32(296, 2)
	u32(320, 2) // values: all inactive
	u64(328, 0)
	u64(336, 0b11)
	u32(344, 1) // flags of the second line: output and active-low
	u64(352, 1<<3|1<<1)
	u64(360, 0b10)
	u32(560, 2)

	req := outputRequest([]int{17, 27}, 0b10)
	if got := *(*[592]byte)(unsafe.Pointer(&req)); got != [592]byte(want) {
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("byte %d is %#x; want %#x", i, got[i], want[i])
			}
		}
	}

	all := outputRequest(make([]int, maxLines), 0).Config
	if all.Attrs[0].Mask != ^uint64(0) || all.Num_attrs != 1 {
		t.Errorf("64 lines: mask %#x, %d attributes", all.Attrs[0].Mask, all.Num_attrs)
	}
}

func TestRequestOfSomethingElse(t *testing.T) {
	if _, err := requestOutputs(os.DevNull, []int{0}, 0); !errors.Is(err, unix.ENOTTY) {
		t.Errorf("%s: %v; want the errno ENOTTY", os.DevNull, err)
	}
	if _, err := requestOutputs("/dev/gpiochip-none", []int{0}, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such chip: %v; want the errno ENOENT", err)
	}
}

func TestOutAllocatesNothing(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	o := &outputs{fd: null.Fd()}
	allocs := testing.AllocsPerRun(100, func() {
		if err := o.Out(1, 1); !errors.Is(err, unix.ENOTTY) {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
