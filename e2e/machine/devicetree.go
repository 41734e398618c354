package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
)

// freeSerialPort copies the device tree of a Raspberry Pi 3 without the Bluetooth chip at its first serial port, which
// the kernel would keep for that chip. A node without "compatible" stands for nothing; the words of that property
// become FDT_NOP, which readers skip (Devicetree Specification v0.4, section 5.4).
func freeSerialPort(from, to string) error {
	const header, nop = 12, 4 // bytes of FDT_PROP, length and name; the token
	tree, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	value := []byte("brcm,bcm43438-bt\x00")
	at := bytes.Index(tree, value) - header
	if at < 0 || binary.BigEndian.Uint32(tree[at+4:]) != uint32(len(value)) {
		return errors.New("the device tree of the Raspberry Pi 3 has no Bluetooth chip where it was")
	}
	for end := at + header + len(value); at < end; at += 4 {
		binary.BigEndian.PutUint32(tree[at:], nop)
	}
	return os.WriteFile(to, tree, 0o644)
}
