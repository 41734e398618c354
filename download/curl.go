package download

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// ErrNoCurl means that this machine doesn't have the program.
var ErrNoCurl = errors.New("curl isn't installed")

// Options of a transfer.
type Options struct {
	Limit     int64                   // bytes of the whole file
	PlainHTTP bool                    // http: will do; else only https:, even after redirections
	Progress  func(have, total int64) // bytes; total is 0 if the server doesn't say
}

// Fetch downloads url into the file part, and resumes after what that holds if the server can; resumed reports whether
// part has bytes of an earlier try. If Fetch fails, part keeps what came for the next time.
func Fetch(ctx context.Context, url, part string, o Options) (resumed bool, err error) {
	allowed := strings.HasPrefix(url, "https://") || o.PlainHTTP && strings.HasPrefix(url, "http://")
	if !allowed {
		return false, fmt.Errorf("%s: only https is allowed", url)
	}
	program, err := exec.LookPath("curl")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return false, ErrNoCurl
	case err != nil:
		return false, fmt.Errorf("curl: %w", err)
	}
	file, err := openPart(part)
	if err != nil {
		return false, err
	}
	t := transfer{Options: o, program: program, url: url, file: file}
	defer func() {
		err = cmp.Or(err, file.Close())
		if err != nil && t.have == 0 {
			os.Remove(part)
		}
	}()
	if t.have, err = file.Seek(0, io.SeekEnd); err != nil {
		return false, err
	}
	if t.have > o.Limit { // whatever that is
		err = t.restart()
	}
	if err == nil {
		err = t.run(ctx)
	}
	if errors.Is(err, errStale) {
		if err = t.restart(); err == nil {
			err = t.run(ctx)
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return t.resumed, fmt.Errorf("%s: interrupted after %d bytes, the next try continues from there", url, t.have)
	case err != nil:
		return t.resumed, fmt.Errorf("%s: %w", url, err)
	}
	return t.resumed, nil
}

// openPart opens the file for writing, and makes it if it isn't there. It neither follows a link, which might lead to any
// file, nor waits for the reader of a pipe.
func openPart(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%s is a symbolic link: nothing is written through links; remove it", name)
	case errors.Is(err, unix.ENXIO):
		return nil, fmt.Errorf("%s isn't a regular file: remove it", name)
	case err != nil:
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, cmp.Or(err, fmt.Errorf("%s isn't a regular file: remove it", name))
	}
	return file, nil
}

// errStale means that the server can't continue after what part holds.
var errStale = errors.New("the server can't resume the download")

// transfer is one download.
type transfer struct {
	Options
	program, url string
	file         *os.File
	have         int64 // bytes of file, where it is written next
	resumed      bool
}

// restart begins again with an empty file.
func (t *transfer) restart() error {
	t.have, t.resumed = 0, false
	_, err := t.file.Seek(0, io.SeekStart)
	return errors.Join(t.file.Truncate(0), err)
}

// run lets curl ask the server once. Its standard output is the answer's head, then the body.
func (t *transfer) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	curl := exec.CommandContext(ctx, t.program, t.args()...)
	var complaint shortText
	curl.Stderr = &complaint
	out, err := curl.StdoutPipe()
	if err != nil {
		cancel()
		return err
	}
	if err := curl.Start(); err != nil {
		cancel()
		return err
	}
	received := t.receive(bufio.NewReaderSize(out, 256<<10))
	if received != nil && !errors.Is(received, errEnded) {
		cancel() // there is no use in the rest
	}
	ended := curl.Wait()
	cancel()
	switch {
	case received != nil && !errors.Is(received, errEnded):
		return received
	case ended != nil:
		return fmt.Errorf("%s%w", t.soFar(), cmp.Or(complaint.err(), ended))
	}
	return received
}

// args are curl's. Nobody's curlrc is read (--disable), no redirection leads away from https.
func (t *transfer) args() []string {
	protocols := "=https"
	if t.PlainHTTP {
		protocols = "=http,https"
	}
	args := []string{
		"--disable", "--silent", "--show-error", "--globoff", "--include", "--suppress-connect-headers", "--no-buffer",
		"--location", "--max-redirs", "5", "--proto", protocols, "--proto-redir", protocols,
		"--connect-timeout", "30", "--speed-limit", "1", "--speed-time", "60", "--url", t.url,
	}
	if t.have > 0 {
		args = append(args, "--range", fmt.Sprintf("%d-", t.have))
	}
	return args
}

func (t *transfer) soFar() string {
	if t.have == 0 {
		return ""
	}
	return fmt.Sprintf("broke off after %d bytes, from which the next try goes on: ", t.have)
}

// errEnded is the end of curl's output before that of the file. Curl itself knows best why.
var errEnded = errors.New("the transfer ended early")

// receive reads the answer and writes the file.
func (t *transfer) receive(out *bufio.Reader) error {
	a, err := readAnswer(out)
	if err != nil {
		return err
	}
	complete, err := t.begin(a)
	if err != nil || complete {
		return err
	}
	if a.total > t.Limit {
		return fmt.Errorf("the file has %d bytes, at most %d are allowed: refused", a.total, t.Limit)
	}
	buffer := make([]byte, 256<<10)
	for {
		n, err := out.Read(buffer)
		if t.have+int64(n) > t.Limit {
			return fmt.Errorf("more than %d bytes come: refused", t.Limit)
		}
		if _, err := t.file.Write(buffer[:n]); err != nil {
			return err
		}
		t.have += int64(n)
		if t.Progress != nil && n > 0 {
			t.Progress(t.have, a.total)
		}
		switch {
		case errors.Is(err, io.EOF) && a.total > 0 && t.have != a.total:
			return errEnded
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// begin moves the file's offset to where the body belongs. It returns true if the file is complete already.
func (t *transfer) begin(a answer) (complete bool, err error) {
	switch {
	case a.status == 200:
		return false, t.restart() // from the start, whatever was asked for
	case a.status == 206 && t.have > 0 && a.from == t.have:
		t.resumed = true
		return false, nil
	case a.status == 416 && t.have > 0 && a.total == t.have:
		t.resumed = true
		return true, nil
	case (a.status == 206 || a.status == 416) && t.have > 0:
		return false, errStale
	case a.status == 404 || a.status == 410:
		return false, fmt.Errorf("the server answers %d: the file isn't there (any more)", a.status)
	}
	return false, fmt.Errorf("the server answers %d", a.status)
}

// answer is the head of an HTTP answer.
type answer struct {
	status      int
	from, total int64 // of the file: where the body begins in it, and how long it is; 0 if the server doesn't say
}

// maxHead is more than servers send.
const maxHead = 128 << 10

// readAnswer reads heads up to the last one, that of the body: redirections and interim answers have theirs before it.
func readAnswer(r *bufio.Reader) (a answer, err error) {
	left := maxHead
	for a.status/100 == 0 || a.status/100 == 1 || a.status/100 == 3 {
		if a, err = readHead(r, &left); err != nil {
			return answer{}, err
		}
	}
	return a, nil
}

// readHead reads a status line and the fields after it, of up to left bytes.
//
//	HTTP/1.1 206 Partial Content
//	Content-Range: bytes 1000-4999/5000
func readHead(r *bufio.Reader, left *int) (a answer, err error) {
	var length int64
	for {
		line, err := r.ReadSlice('\n')
		if *left -= len(line); *left < 0 || errors.Is(err, bufio.ErrBufferFull) {
			return answer{}, errors.New("the server's answer has no end to its head")
		}
		if err != nil {
			return answer{}, errEnded
		}
		text := strings.TrimSpace(string(line))
		switch {
		case a.status == 0:
			if a.status = parseStatus(text); a.status == 0 {
				return answer{}, fmt.Errorf("the server's answer isn't HTTP: %.40q", text)
			}
			continue
		case text == "":
			if a.status == 200 {
				a.from, a.total = 0, length
			}
			return a, nil
		}
		name, value, _ := strings.Cut(text, ":")
		switch strings.ToLower(name) {
		case "content-length":
			length = parseSize(value)
		case "content-range":
			a.from, a.total = parseRange(value)
		}
	}
}

// parseStatus returns the number in a line such as "HTTP/2 200", 0 if it isn't one.
func parseStatus(line string) int {
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "HTTP/") {
		return 0
	}
	status, err := strconv.Atoi(fields[1])
	if err != nil || status < 100 || status > 599 {
		return 0
	}
	return status
}

// parseRange reads "bytes 1000-4999/5000", "bytes 1000-4999/*" and "bytes */5000".
func parseRange(value string) (from, total int64) {
	unit, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	if !strings.EqualFold(unit, "bytes") {
		return 0, 0
	}
	span, whole, _ := strings.Cut(rest, "/")
	start, _, _ := strings.Cut(span, "-")
	return parseSize(start), parseSize(whole)
}

// parseSize returns 0 for what isn't a size.
func parseSize(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// shortText keeps the beginning of what is written to it.
type shortText []byte

func (s *shortText) Write(p []byte) (int, error) {
	*s = append(*s, p[:min(len(p), 1000-len(*s))]...)
	return len(p), nil
}

// err returns the text on one line, as an error; nil if there is none.
func (s *shortText) err() error {
	printable := strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, string(*s))
	if text := strings.Join(strings.Fields(printable), " "); text != "" {
		return errors.New(text)
	}
	return nil
}
