// Package wire is what the host and the agent in an emulated board say to each other over a serial port: JSON values,
// one after another.
package wire

import "syscall"

// Request goes to the agent. Exactly one of the pointers is set.
type Request struct {
	ID     int // chosen by the host, one for each process
	Start  *Command
	Signal *syscall.Signal // to the process that was started with this ID
}

// Command is a process to start.
type Command struct {
	Argv []string
	Env  []string // beside PATH and HOME
	User uint32   // its user and group; 0 for root
}

// Event comes from the agent.
type Event struct {
	ID     int    // of the process; 0 for Ready
	Ready  bool   `json:",omitempty"` // the agent takes requests; its first event
	Stdout []byte `json:",omitempty"`
	Stderr []byte `json:",omitempty"`
	Exit   *Exit  `json:",omitempty"` // the process's last event
}

// Exit is how a process ended.
type Exit struct {
	Status int            // −1 after a signal or if it did not start
	Signal syscall.Signal `json:",omitempty"`
	Error  string         `json:",omitempty"` // why it did not start
}

// Boot is what the agent does as the first process, before it takes requests. It lies in the initramfs at BootFile.
type Boot struct {
	Modules []Module
	Root    string // block device with a squashfs to continue on; empty to stay in the initramfs
	Port    string // device that the host listens to
}

// Module is a kernel module to load.
type Module struct {
	File       string
	Parameters string
}

// Where things lie in the initramfs.
const (
	BootFile = "/boot.json"
	Agent    = "/init"
	Files    = "/files" // laid over the root file system that Boot.Root holds
)
