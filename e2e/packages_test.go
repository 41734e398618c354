//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"edge/e2e/machine"
)

// TestPackagesOnDevices runs the device tests of gpio and camera, which skip elsewhere, on the boards' real drivers.
func TestPackagesOnDevices(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct {
		name, pkg string
		board     machine.Board
		env       []string
	}{
		{"gpio-pl061", "gpio", machine.Virt, []string{"EDGE_GPIO_CHIP=9030000.pl061"}},
		{"gpio-bcm2835", "gpio", machine.RPi3, []string{"EDGE_GPIO_CHIP=pinctrl-bcm2835", "EDGE_GPIO_LINES=17,27"}},
		{"camera-vivid", "camera", machine.Virt, []string{"EDGE_V4L2_DEVICE=/dev/video0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			program := b.path(c.name + ".test")
			if err := goForBoard("test", "-c", "-o", program, "edge/"+c.pkg); err != nil {
				t.Fatal(err)
			}
			g := b.boot(t, machine.Config{Board: c.board, Files: []machine.File{{Path: "/bin/device.test", Host: program}}})
			tests := g.start(machine.Command{Argv: []string{"device.test", "-test.v", "-test.run=Device"}, Env: c.env})
			exit, err := tests.Wait(t.Context())
			if err != nil || exit != (machine.Exit{}) {
				t.Errorf("%+v, %v", exit, err)
			}
			if !strings.Contains(tests.Stdout(), "--- PASS: TestDevice") {
				t.Error("no device test ran")
			}
		})
	}
}
