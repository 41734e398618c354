package page

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"edge/config"
)

const change = `{"set":[{"path":"leds[0].on","value":"0.5"}]}`

// TestRebinding asks in the name of a web site whose name means this machine.
func TestRebinding(t *testing.T) {
	url := serve(t, config.Page{}, newWalk(t, "").program(""))
	for _, path := range []string{"/", "/state", "/snapshot", "/stream", "/events", "/metrics", "/api/v1/config"} {
		for _, host := range []string{"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "127.1", "0x7f000001", "[", "localhost:80:80"} {
			if status, _, _ := get(t, url+path, "Host", host); status != http.StatusMisdirectedRequest {
				t.Errorf("%s as %s: %d", path, host, status)
			}
		}
	}
	for _, host := range []string{"localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8080", "192.168.1.7", "localhost.", "localhost.:8080", "[FE80::1]"} {
		if status, _, _ := get(t, url+"/state", "Host", host); status != http.StatusOK {
			t.Errorf("as %s: %d", host, status)
		}
	}
}

// TestOtherSites sends what a browser sends for a page of another web site.
func TestOtherSites(t *testing.T) {
	w := newWalk(t, "")
	url := serve(t, config.Page{}, w.program(""))
	for _, headers := range [][]string{
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site", "Origin", url},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", strings.Replace(url, "127.0.0.1", "localhost", 1), "Content-Type", "text/plain"},
		{"Origin", url[:strings.LastIndex(url, ":")], "Content-Type", "application/x-www-form-urlencoded"}, // another port
		{"Origin", url + ".evil.example"},
	} {
		if status, _, _ := request(t, http.MethodPatch, url+"/api/v1/config", change, headers...); status != http.StatusForbidden {
			t.Errorf("%q: %d", headers, status)
		}
	}
	if text, _ := w.Get(); string(text) != testConfig {
		t.Error("another site has changed the rules")
	}
	for _, path := range []string{"/snapshot", "/stream", "/state"} { // <img src=…>, fetch(…, {mode: "no-cors"})
		if status, _, _ := get(t, url+path, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"); status != http.StatusForbidden {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _, _ := get(t, url+"/", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"); status != http.StatusOK {
		t.Errorf("a link: %d", status)
	}
	if status, _, _ := get(t, url+"/", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"); status != http.StatusForbidden {
		t.Errorf("a frame: %d", status)
	}
	if status, _, _ := request(t, http.MethodPatch, url+"/api/v1/config", change, "Sec-Fetch-Site", "same-origin", "Origin", url); status != http.StatusOK {
		t.Errorf("the page itself: %d", status)
	}
	_, header, _ := get(t, url+"/")
	for name, words := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin",
		"X-Content-Type-Options": "nosniff",
	} {
		if !strings.Contains(header.Get(name), words) || header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %q", name, header.Get(name))
		}
	}
}

// hashed is a password with a few rounds, so that the tests take no time.
func hashed(t *testing.T, password string) string {
	t.Helper()
	text, err := HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPasswords(t *testing.T) {
	w := newWalk(t, "")
	url := serve(t, config.Page{Password: hashed(t, "change everything"), ViewPassword: hashed(t, "only look at it")}, w.program(""))
	ask := func(method, path, password string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(change))
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			r.SetBasicAuth("any", password)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	for _, c := range []struct {
		method, path, password string
		want                   int
	}{
		{http.MethodGet, "/", "", http.StatusUnauthorized},
		{http.MethodGet, "/livez", "", http.StatusUnauthorized},
		{http.MethodGet, "/state", "only look at it", http.StatusOK},
		{http.MethodPatch, "/api/v1/config", "only look at it", http.StatusForbidden},
		{http.MethodGet, "/state", "change everything", http.StatusOK},
		{http.MethodPatch, "/api/v1/config", "change everything", http.StatusOK},
		{http.MethodGet, "/state", "something else", http.StatusUnauthorized},
		{http.MethodGet, "/state", "something else again", http.StatusTooManyRequests},
		{http.MethodGet, "/state", "change everything", http.StatusOK}, // who is known isn't kept waiting
	} {
		if got := ask(c.method, c.path, c.password); got != c.want {
			t.Errorf("%s %s with %q: %d, want %d", c.method, c.path, c.password, got, c.want)
		}
	}
	var s settings
	_, _, text := get(t, url+"/api/v1/config", "Authorization", "Basic "+basic("only look at it"))
	if err := json.Unmarshal([]byte(text), &s); err != nil || s.Text != "" || s.MayWrite {
		t.Errorf("%s, %v", text, err)
	}
}

// TestGuessing tries passwords as fast as it can: few are looked at.
func TestGuessing(t *testing.T) {
	url := serve(t, config.Page{Password: hashed(t, "change everything")}, newWalk(t, "").program(""))
	looked := 0
	for i := range 200 {
		status, _, _ := get(t, url+"/state", "Authorization", "Basic "+basic(fmt.Sprint("guess number ", i)))
		switch status {
		case http.StatusUnauthorized:
			looked++
		case http.StatusTooManyRequests:
		default:
			t.Fatalf("%d", status)
		}
	}
	if looked > 5 { // after the nth one waits 2ⁿ⁻¹ s
		t.Errorf("%d of 200 passwords were looked at", looked)
	}
}

// TestPasswordAtOnce sends the right password several times at once, as a browser does after a restart of the program: none
// is turned away. Wrong ones at once are looked at one by one.
func TestPasswordAtOnce(t *testing.T) {
	url := serve(t, config.Page{Password: hashed(t, "change everything")}, newWalk(t, "").program(""))
	ask := func(password func(i int) string) map[int]int {
		var all sync.WaitGroup
		var mu sync.Mutex
		answers := map[int]int{}
		for i := range 6 {
			all.Go(func() {
				status, _, _ := get(t, url+"/livez", "Authorization", "Basic "+basic(password(i)))
				mu.Lock()
				defer mu.Unlock()
				answers[status]++
			})
		}
		all.Wait()
		return answers
	}
	if got := ask(func(int) string { return "change everything" }); got[http.StatusOK] != 6 {
		t.Errorf("the right one: %v", got)
	}
	if got := ask(func(i int) string { return fmt.Sprint("guess number ", i) }); got[http.StatusUnauthorized] > 3 || got[http.StatusTooManyRequests] < 3 {
		t.Errorf("wrong ones: %v", got)
	}
}

// TestHeadOfStreams asks for the heads of streams on one connection: they end, though streams don't.
func TestHeadOfStreams(t *testing.T) {
	url := serve(t, config.Page{}, newWalk(t, "").program(""))
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	answers := bufio.NewReader(c)
	for i := range mostStreams + 2 {
		path := []string{"/stream", "/events"}[i%2]
		fmt.Fprintf(c, "HEAD %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
		r, err := http.ReadResponse(answers, &http.Request{Method: http.MethodHead})
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if kind := r.Header.Get("Content-Type"); r.StatusCode != http.StatusOK || !strings.HasPrefix(kind, []string{"multipart/", "text/event-stream"}[i%2]) {
			t.Fatalf("%s: %d, %s", path, r.StatusCode, kind)
		}
	}
}

func TestNoPassword(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Skip("no network here: ", err)
	}
	defer l.Close()
	p := newWalk(t, "").program("")
	if _, err := Serve(l, config.Page{}, p); err == nil || !strings.Contains(err.Error(), "edge password") {
		t.Errorf("it serves everybody: %v", err)
	}
	for _, text := range []string{"secret", "pbkdf2-sha256$1$a$b", "pbkdf2-sha256$99999999999$AAAAAAAAAAAAAAAAAAAAAA$x"} {
		if _, err := newGuard(l.Addr(), config.Page{Password: text}); !errors.Is(err, errHash) || strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestHash(t *testing.T) {
	text := hashed(t, "ten letters")
	h, err := parseHash(text)
	if err != nil || !h.fits("ten letters") || h.fits("ten letterS") || h.fits("") || h.fits(strings.Repeat("x", 1<<20)) {
		t.Errorf("%s, %v", text, err)
	}
	if again := hashed(t, "ten letters"); again == text {
		t.Error("no salt")
	}
	for _, password := range []string{"", "short", strings.Repeat("x", 300)} {
		if _, err := HashPassword(password); err == nil {
			t.Errorf("%.20q is a password", password)
		}
	}
}

// TestSlowRequests sends heads and bodies that never end: they don't keep others out, and are dropped.
func TestSlowRequests(t *testing.T) {
	w := newWalk(t, "")
	w.see(10)
	url := serve(t, config.Page{}, w.program(""))
	var slow []net.Conn
	for i := range mostConnections / 2 {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		text := "GET / HTTP/1.1\r\nHost: localhost\r\nX: "
		if i%2 == 1 {
			text = "PATCH /api/v1/config HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
		}
		io.WriteString(c, text)
		slow = append(slow, c)
	}
	if status, _, _ := get(t, url+"/state"); status != http.StatusOK {
		t.Errorf("%d beside slow ones", status)
	}
	for i, c := range slow {
		c.SetReadDeadline(time.Now().Add(3 * answerTime))
		if _, err := io.ReadAll(c); errors.Is(err, errTimeout(err)) {
			t.Fatalf("slow request %d is still there", i)
		}
	}
}

// TestSlowOnesMakeRoom fills every place with connections that send nothing, half a head, or a body without a password, again
// and again: others are answered meanwhile, and a stream continues.
func TestSlowOnesMakeRoom(t *testing.T) {
	const password = "change everything"
	w := newWalk(t, "")
	w.see(10)
	url := serve(t, config.Page{Password: hashed(t, password)}, w.program(""))
	authorization := "Basic " + basic(password)
	dial := func(text string) net.Conn {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		io.WriteString(c, text)
		return c
	}
	watching := dial("GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + authorization + "\r\n\r\n")
	events := bufio.NewReader(watching)
	next := func() {
		t.Helper()
		watching.SetReadDeadline(time.Now().Add(time.Minute))
		for {
			line, err := events.ReadString('\n')
			if err != nil {
				t.Fatal("the stream has ended: ", err)
			}
			if strings.HasPrefix(line, "data:") {
				return
			}
		}
	}
	next()
	for _, text := range []string{
		"", "GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
		"PATCH /api/v1/config HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
	} {
		for range 3 * mostConnections / 2 {
			dial(text)
		}
		// A client of its own has no connection from before.
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for range 10 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/state", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth("any", password)
			answer, err := client.Do(r)
			if err != nil {
				t.Fatalf("beside %.40q: %v", text, err)
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Errorf("beside %.40q: %d", text, answer.StatusCode)
			}
		}
		w.see(1)
		next()
	}
}

// errTimeout is err if it is a timeout, else an error that nothing is.
func errTimeout(err error) error {
	var e net.Error
	if errors.As(err, &e) && e.Timeout() {
		return err
	}
	return errors.New("another")
}

// TestManyConnections opens a thousand: most are closed at once, and memory stays small.
func TestManyConnections(t *testing.T) {
	url := serve(t, config.Page{}, newWalk(t, "").program(""))
	before := runtime.NumGoroutine()
	var held []net.Conn
	for range 1000 {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			break // this machine has no more
		}
		held = append(held, c)
	}
	time.Sleep(200 * time.Millisecond)
	if n := runtime.NumGoroutine() - before; n > 3*mostConnections {
		t.Errorf("%d goroutines for %d connections", n, len(held))
	}
	for _, c := range held {
		c.Close()
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		r, err := http.Get(url + "/livez")
		if err == nil {
			r.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody answers any more: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestLargeRequests sends heads and bodies that are too large.
func TestLargeRequests(t *testing.T) {
	p := newWalk(t, "").program("")
	p.Lesson = t.TempDir()
	url := serve(t, config.Page{}, p)
	r, err := http.NewRequest(http.MethodGet, url+"/state", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Large", strings.Repeat("x", 1<<20))
	if answer, err := http.DefaultClient.Do(r); err == nil {
		if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("head: %d", answer.StatusCode)
		}
		answer.Body.Close()
	}
	for _, ask := range [][2]string{
		{http.MethodPatch, "/api/v1/config"},
		{http.MethodPost, "/api/v1/lessons"},
		{http.MethodPost, "/api/v1/lessons/cat/pictures"},
		{http.MethodPatch, "/api/v1/lessons/cat/pictures/1.jpg"},
		{http.MethodPost, "/state"},
		{http.MethodGet, "/snapshot"},
	} {
		body := &blanks{left: 1 << 30}
		r, err := http.NewRequest(ask[0], url+ask[1], body)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := http.DefaultClient.Do(r); err == nil {
			if answer.StatusCode < 400 {
				t.Errorf("%s with a gigabyte: %d", ask, answer.StatusCode)
			}
			answer.Body.Close()
		}
		if taken := body.taken.Load(); taken > 16<<20 { // what the network holds, and not more
			t.Errorf("%s took %d bytes", ask, taken)
		}
	}
}

// blanks is an upload.
type blanks struct {
	left  int
	taken atomic.Int64
}

func (b *blanks) Read(p []byte) (int, error) {
	n := min(len(p), b.left)
	if n == 0 {
		return 0, io.EOF
	}
	for i := range p[:n] {
		p[i] = ' '
	}
	b.left -= n
	b.taken.Add(int64(n))
	return n, nil
}

// TestStalledWatchers lets more watchers than there is room for stop reading: the walk and others don't notice, and all
// are dropped.
func TestStalledWatchers(t *testing.T) {
	w := newWalk(t, "")
	url := serve(t, config.Page{}, w.program(""))
	w.watch(100)
	var busy sync.WaitGroup
	refused := 0
	for i := range mostStreams + 4 {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		line, err := bufio.NewReaderSize(c, 16).ReadString('\n')
		if err != nil {
			t.Fatalf("watcher %d: %v", i, err)
		}
		if strings.Contains(line, "503") {
			refused++
		}
	}
	busy.Wait()
	if refused != 4 {
		t.Errorf("%d of %d were refused, want 4", refused, mostStreams+4)
	}
	for range 3 {
		if status, _, _ := get(t, url+"/snapshot"); status != http.StatusOK {
			t.Errorf("snapshot: %d", status)
		}
	}
}

func basic(password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth("any", password)
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
}

// FuzzHost holds that no name but this machine's own, and addresses, are let in.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"localhost", "evil.example:80", "[::1]:8080", "127.0.0.1", "::1%eth0", "localhost.", "1.2.3.4.evil"} {
		f.Add(host)
	}
	g, err := newGuard(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, config.Page{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if !g.isOurs(host) {
			return
		}
		u, err := url.Parse("http://" + host + "/")
		if err != nil {
			return // no browser would ask for it
		}
		name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
		if net.ParseIP(strings.SplitN(name, "%", 2)[0]) == nil && !strings.Contains(strings.Join(g.names, " "), name) {
			t.Errorf("%q is let in", host)
		}
	})
}
