package board

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// Features lists the instruction sets of this processor that matter to kernels, by their names in /proc/cpuinfo.
func Features() []string {
	var list []string
	add := func(has bool, name string) {
		if has {
			list = append(list, name)
		}
	}
	switch runtime.GOARCH {
	case "arm64":
		add(cpu.ARM64.HasASIMD, "asimd")
		add(cpu.ARM64.HasASIMDDP, "asimddp")
		add(cpu.ARM64.HasI8MM, "i8mm")
		add(cpu.ARM64.HasSVE, "sve")
	case "amd64":
		add(cpu.X86.HasSSE41, "sse4_1")
		add(cpu.X86.HasAVX2, "avx2")
		add(cpu.X86.HasAVXVNNI, "avx_vnni")
		add(cpu.X86.HasAVX512BW, "avx512bw")
		add(cpu.X86.HasAVX512VNNI, "avx512_vnni")
	case "arm":
		add(cpu.ARM.HasNEON, "neon")
	}
	return list
}
