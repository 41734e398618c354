package machine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"edge/e2e/wire"
)

// port matches the device in the guest whose other end the host holds.
func (b Board) port() string {
	if b == RPi3 {
		return "/dev/ttyAMA0"
	}
	return "/dev/vport*p1"
}

func writeInitramfs(path string, c Config) error {
	boot := wire.Boot{Port: c.Board.port()}
	files := []File{{Path: wire.Agent, Host: c.Agent, Mode: 0o755}}
	add := func(prefix string, more ...File) {
		for _, f := range more {
			f.Path = prefix + f.Path
			files = append(files, f)
		}
	}
	modules := c.Modules
	if c.Board == Virt {
		modules = append(modules[:len(modules):len(modules)], Module{Name: "virtio_mmio"}, Module{Name: "virtio_console"})
	}
	if c.Card != "" {
		modules = append(modules, Module{Name: "virtio_blk"}, Module{Name: "crc32c_generic"}, Module{Name: "ext4"})
	}
	if c.Systemd {
		boot.Root = "/dev/vda"
		modules = append(modules, Module{Name: "virtio_blk"}, Module{Name: "squashfs"}, Module{Name: "overlay"})
		add(wire.Files, c.Files...)
		add(wire.Files,
			File{Path: "/usr/local/bin/agent", Host: c.Agent, Mode: 0o755},
			File{Path: "/etc/systemd/system/agent.service", Content: fmt.Appendf(nil, agentUnit, boot.Port)})
		const trigger = "/etc/systemd/system/systemd-udev-trigger.service.d/few.conf"
		add(wire.Files, File{Path: trigger, Content: []byte(fewDevices)})
		for _, name := range generators {
			add(wire.Files, File{Path: "/etc/systemd/system-generators/" + name, Link: "/dev/null"})
		}
	} else {
		add("", c.Files...)
		add("", busybox(c.Images.Busybox)...)
	}
	for _, m := range modules {
		order, err := c.Images.LoadOrder([]string{m.Name})
		if err != nil {
			return err
		}
		for i, host := range order {
			file := wire.Module{File: "/modules/" + filepath.Base(host)}
			if i == len(order)-1 {
				file.Parameters = m.Parameters
			}
			if !slices.ContainsFunc(boot.Modules, func(have wire.Module) bool { return have.File == file.File }) {
				boot.Modules = append(boot.Modules, file)
				add("", File{Path: file.File, Host: host})
			}
		}
	}
	text, err := json.Marshal(boot)
	if err != nil {
		return err
	}
	add("", File{Path: wire.BootFile, Content: text})
	return writeArchive(path, files)
}

func writeArchive(path string, files []File) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	a := newArchive(out)
	a.console()
	for _, f := range files {
		if err := a.add(f); err != nil {
			return err
		}
	}
	if err := a.close(); err != nil {
		return err
	}
	return out.Close()
}

// busybox is the program and a link for each command that tests and people use.
func busybox(host string) []File {
	files := []File{{Path: "/bin/busybox", Host: host, Mode: 0o755}}
	for _, name := range strings.Fields("sh ls cat echo grep sed head tail hexdump dd cmp ps kill sleep dmesg mount " +
		"umount mkdir rm cp mv ln chmod chown id env true false wc sort find stat timeout pidof top free df") {
		files = append(files, File{Path: "/bin/" + name, Link: "busybox"})
	}
	return files
}
