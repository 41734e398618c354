package machine

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// monitor talks to QEMU's machine protocol (QMP).
type monitor struct {
	mu   sync.Mutex // one command at a time
	conn net.Conn
	in   *json.Decoder
}

func newMonitor(conn net.Conn) (*monitor, error) {
	m := &monitor{conn: conn, in: json.NewDecoder(conn)}
	var greeting struct{ QMP json.RawMessage }
	conn.SetDeadline(time.Now().Add(time.Minute))
	if err := m.in.Decode(&greeting); err != nil {
		conn.Close()
		return nil, fmt.Errorf("QEMU's monitor: %w", err)
	}
	if _, err := m.execute("qmp_capabilities", nil); err != nil {
		conn.Close()
		return nil, err
	}
	return m, nil
}

// execute runs one command and skips the events before its answer.
func (m *monitor) execute(command string, arguments map[string]string) (json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conn.SetDeadline(time.Now().Add(time.Minute))
	request := map[string]any{"execute": command}
	if arguments != nil {
		request["arguments"] = arguments
	}
	if err := json.NewEncoder(m.conn).Encode(request); err != nil {
		return nil, fmt.Errorf("QEMU's monitor: %w", err)
	}
	for {
		var answer struct {
			Return json.RawMessage
			Error  *struct{ Desc string }
		}
		if err := m.in.Decode(&answer); err != nil {
			return nil, fmt.Errorf("QEMU's monitor: %w", err)
		}
		if answer.Error != nil {
			return nil, fmt.Errorf("QEMU's monitor: %s: %s", command, answer.Error.Desc)
		}
		if answer.Return != nil {
			return answer.Return, nil
		}
	}
}

// human runs a line of the monitor for people.
func (m *monitor) human(line string) (text string, err error) {
	raw, err := m.execute("human-monitor-command", map[string]string{"command-line": line})
	if err != nil {
		return "", err
	}
	return text, json.Unmarshal(raw, &text)
}

// word asks for what lies at an address; QEMU answers "0000000009030000: 0x00000010".
func (m *monitor) word(address uint64) (uint32, error) {
	line := fmt.Sprintf("xp /1wx %#x", address)
	text, err := m.human(line)
	if err != nil {
		return 0, err
	}
	_, value, _ := strings.Cut(text, ": ")
	word, err := strconv.ParseUint(strings.TrimSpace(value), 0, 32)
	if err != nil {
		return 0, fmt.Errorf("QEMU's monitor: %s: %q", line, text)
	}
	return uint32(word), nil
}
