package machine

import (
	"path/filepath"
	"strings"
)

// arguments are QEMU's. There is no KVM: it doesn't work everywhere, and the boards aren't the host's architecture.
func arguments(c Config, dir string) []string {
	kernel := []string{"panic=-1"}
	args := []string{
		"-display", "none", "-nodefaults", "-no-reboot",
		"-kernel", c.Images.Kernel, "-initrd", filepath.Join(dir, "initramfs"),
		"-chardev", "socket,id=monitor,path=" + filepath.Join(dir, "monitor"), "-mon", "chardev=monitor,mode=control",
		"-chardev", "socket,id=agent,path=" + filepath.Join(dir, "agent"),
	}
	switch c.Board {
	case Virt:
		args = append(args, "-accel", "tcg", "-M", "virt", "-cpu", "cortex-a72", "-m", "256",
			"-device", "virtio-serial-device", "-device", "virtserialport,chardev=agent", "-serial", "stdio")
		kernel = append(kernel, "console=ttyAMA0")
	case RPi3:
		// One thread for the four cores: three of them spin until the kernel starts them, and would take the host's.
		args = append(args, "-accel", "tcg,thread=single", "-M", "raspi3b", "-dtb", filepath.Join(dir, "devicetree"),
			"-serial", "chardev:agent", "-serial", "stdio")
		// The second serial port is one that QEMU emulates just well enough for a console.
		kernel = append(kernel, "8250.nr_uarts=1", "console=ttyS0")
	}
	if c.Card != "" {
		// What the guest has sent to its card stays when QEMU is killed, and what it still holds in memory is lost.
		args = append(args, "-drive", "if=none,id=card,format=raw,cache=unsafe,file="+c.Card, "-device", "virtio-blk-device,drive=card")
	}
	if c.Systemd {
		args = append(args, "-drive", "if=none,id=root,format=raw,readonly=on,file="+c.Images.Root,
			"-device", "virtio-blk-device,drive=root")
		kernel = append(kernel, "systemd.show_status=0", "systemd.unit=multi-user.target",
			"systemd.condition-needs-update=no", "systemd.firstboot=no", "systemd.wants=agent.service")
		for _, unit := range masked {
			kernel = append(kernel, "systemd.mask="+unit)
		}
	}
	return append(args, "-append", strings.Join(kernel, " "))
}

// masked are units that would only cost time.
var masked = []string{
	"getty.target", "timers.target", "apparmor.service", "kmod-static-nodes.service", "dev-hugepages.mount",
	"dev-mqueue.mount", "sys-kernel-tracing.mount", "modprobe@configfs.service", "modprobe@dm_mod.service",
	"modprobe@efi_pstore.service", "modprobe@fuse.service", "modprobe@loop.service", "modprobe@drm.service",
	"systemd-hwdb-update.service", "systemd-logind.service", "systemd-modules-load.service",
	"systemd-networkd.service", "systemd-pstore.service", "systemd-random-seed.service",
	"systemd-remount-fs.service", "systemd-repart.service", "systemd-sysctl.service", "systemd-timesyncd.service",
	"systemd-update-utmp.service", "systemd-user-sessions.service",
}

// generators make units out of what is not here. (systemd-debug-generator stays, which reads systemd.wants and .mask.)
var generators = []string{
	"systemd-bless-boot-generator", "systemd-cryptsetup-generator", "systemd-fstab-generator",
	"systemd-getty-generator", "systemd-gpt-auto-generator", "systemd-hibernate-resume-generator",
	"systemd-integritysetup-generator", "systemd-rc-local-generator", "systemd-run-generator",
	"systemd-system-update-generator", "systemd-sysv-generator", "systemd-veritysetup-generator",
}

// fewDevices are those whose nodes udev gives to a group.
const fewDevices = `[Service]
ExecStart=
ExecStart=udevadm trigger --action=add --subsystem-match=video4linux --subsystem-match=gpio
`

const agentUnit = `[Unit]
Description=What the host talks to
DefaultDependencies=no
After=systemd-tmpfiles-setup-dev.service
[Service]
ExecStart=/usr/local/bin/agent serve %s
StandardOutput=journal+console
OOMScoreAdjust=-1000
`
