package page

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"edge/config"
)

// guard says who may come in, and with which rights.
//
//	request ──Host── a name of this machine? ──Origin── from this page? ──password── right? ──method── may it?
//	         421                               403                        401, 429              403
//
// The Host keeps out a web site whose name was made to mean this machine (DNS rebinding), the Origin one that sends its
// visitors' browsers here.
type guard struct {
	open   bool     // reached from this machine alone: no password is needed
	names  []string // of this machine, in lower case
	write  *hash    // nil: none
	view   *hash
	cross  *http.CrossOriginProtection
	secret []byte // for remembering passwords that were right, without keeping them

	mu      sync.Mutex
	known   map[[sha256.Size]byte]right
	guesses map[netip.Addr]*guesses

	checking chan struct{} // one password at a time: each takes a core for a while; holds one
}

// guesses are the wrong passwords of one address.
type guesses struct {
	wrong int
	next  time.Time // before this no password of theirs is looked at
}

type right uint8

const (
	nobody right = iota
	viewer
	writer
)

const (
	mostKnown   = 64
	mostGuesses = 1024
	firstDelay  = time.Second
	mostDelay   = 5 * time.Minute
	checkTime   = 30 * time.Second // for a password to be looked at; a busy Pi computes for seconds
)

// Check says what is wrong with a page's configuration, nil for nothing.
func Check(c config.Page) error {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0" // systemd says where; passwords must be good all the same
	}
	a, err := netip.ParseAddrPort(c.Listen)
	if err == nil {
		_, err = newGuard(net.TCPAddrFromAddrPort(a), c)
	}
	return err
}

func newGuard(a net.Addr, c config.Page) (*guard, error) {
	g := &guard{
		open: true, cross: http.NewCrossOriginProtection(), secret: make([]byte, 32),
		known: map[[sha256.Size]byte]right{}, guesses: map[netip.Addr]*guesses{}, names: []string{"localhost"},
		checking: make(chan struct{}, 1),
	}
	rand.Read(g.secret)
	if tcp, ok := a.(*net.TCPAddr); ok {
		g.open = tcp.IP.IsLoopback()
	}
	if name, err := os.Hostname(); err == nil {
		name = strings.ToLower(name)
		g.names = append(g.names, name, name+".local")
	}
	for _, p := range []struct {
		text, key string
		to        **hash
	}{{c.Password, "password", &g.write}, {c.ViewPassword, "view_password", &g.view}} {
		if p.text == "" {
			continue
		}
		var err error
		if *p.to, err = parseHash(p.text); err != nil {
			return nil, fmt.Errorf("page: %s: %w", p.key, err)
		}
		g.open = false
	}
	if !g.open && g.write == nil && g.view == nil {
		return nil, fmt.Errorf("page: %v can be reached from other machines: it needs a password: see edge password", a)
	}
	return g, nil
}

// headers of every answer. Nothing is loaded from elsewhere, and no other site may show this page or its pictures.
var headers = [][2]string{
	{"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
	{"Cache-Control", "no-store"},
}

// protect lets a request through to next if all is well.
func (g *guard) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range headers {
			w.Header().Set(h[0], h[1])
		}
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(answerTime))
		turnAway := func(text string, status int) {
			waitAgain(r) // what else they send is read, but they keep nobody out with it
			http.Error(w, text, status)
		}
		if !g.isOurs(r.Host) {
			turnAway("this machine isn't called that: use its address, localhost, or its own name", http.StatusMisdirectedRequest)
			return
		}
		if err := g.cross.Check(r); err != nil || isForeign(r) {
			turnAway("another web site sent this request", http.StatusForbidden)
			return
		}
		_ = control.SetReadDeadline(time.Time{}) // a slow board may compute for longer than that to check a password
		who, wait := g.who(r)
		_ = control.SetReadDeadline(time.Now().Add(answerTime))
		_ = control.SetWriteDeadline(time.Now().Add(answerTime))
		switch {
		case wait > 0:
			w.Header().Set("Retry-After", fmt.Sprint(int(math.Ceil(wait.Seconds()))))
			turnAway("too many wrong passwords: wait", http.StatusTooManyRequests)
		case who == nobody:
			w.Header().Set("WWW-Authenticate", `Basic realm="edge", charset="UTF-8"`)
			turnAway("a password, please", http.StatusUnauthorized)
		case who == viewer && r.Method != http.MethodGet && r.Method != http.MethodHead:
			turnAway("this password is for looking", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), rightKey{}, who)))
		}
	})
}

type rightKey struct{}

func mayWrite(r *http.Request) bool { return r.Context().Value(rightKey{}) == writer }

// isOurs says whether a Host is this machine: an address, which nobody can make mean another one, or one of its names.
func (g *guard) isOurs(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return slices.Contains(g.names, host)
}

// isForeign says whether another site wants something other than a link to the page: pictures, say.
func isForeign(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site != "cross-site" && site != "same-site" {
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

// who says which right a request has, or how long to wait before another password is looked at.
func (g *guard) who(r *http.Request) (right, time.Duration) {
	if g.open {
		return writer, 0
	}
	_, password, ok := r.BasicAuth()
	if !ok {
		return nobody, 0
	}
	mac := hmac.New(sha256.New, g.secret)
	mac.Write([]byte(password))
	sum := [sha256.Size]byte(mac.Sum(nil))
	from := addressOf(r)
	if who, wait := g.remembered(sum, from); who != nobody || wait > 0 {
		return who, wait
	}
	select { // a browser asks for several things at once
	case g.checking <- struct{}{}:
		defer func() { <-g.checking }()
	case <-time.After(checkTime):
		return nobody, firstDelay
	case <-r.Context().Done():
		return nobody, firstDelay
	}
	who, wait := g.remembered(sum, from) // those before may have had the same
	if who != nobody || wait > 0 {
		return who, wait
	}
	switch {
	case g.write != nil && g.write.fits(password):
		who = writer
	case g.view != nil && g.view.fits(password):
		who = viewer
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if who == nobody {
		g.wrong(from)
		return nobody, 0
	}
	if len(g.known) >= mostKnown {
		clear(g.known)
	}
	g.known[sum] = who
	delete(g.guesses, from)
	return who, 0
}

// addressOf is where a request comes from; of IPv6 the network, as a machine has many addresses.
func addressOf(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := a.Addr().Unmap()
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

// remembered says what is known of a password, by its sum: the right that it gives, or how long its sender has to wait.
func (g *guard) remembered(sum [sha256.Size]byte, from netip.Addr) (right, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if who := g.known[sum]; who != nobody {
		return who, 0
	}
	if tries := g.guesses[from]; tries != nil {
		return nobody, max(time.Until(tries.next), 0)
	}
	return nobody, 0
}

// wrong counts a wrong password: each makes the next wait twice as long.
func (g *guard) wrong(from netip.Addr) {
	if len(g.guesses) >= mostGuesses {
		clear(g.guesses)
	}
	tries := g.guesses[from]
	if tries == nil {
		tries = new(guesses)
		g.guesses[from] = tries
	}
	delay := min(firstDelay<<min(tries.wrong, 20), mostDelay)
	tries.wrong++
	tries.next = time.Now().Add(delay)
}

// limited is a listener with at most so many open connections. If there are more, the one that has waited longest for a
// whole request is closed, so that connections which send nothing, or only slowly, don't keep others out; if none
// waits, the newest. While a request is answered, its connection isn't closed.
type limited struct {
	net.Listener
	most int

	mu      sync.Mutex
	open    int
	waiting []*held // the longest first
}

// held is a connection of a limited listener.
type held struct {
	net.Conn
	by     *limited
	closed bool
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		h := &held{Conn: c, by: l}
		goes := l.hold(h)
		if goes != nil {
			goes.Close()
		}
		if goes != h {
			return h, nil
		}
	}
}

// hold counts another connection, and returns the one that must make room; nil if there is some.
func (l *limited) hold(h *held) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	l.waiting = append(l.waiting, h)
	if l.open > l.most {
		return l.waiting[0]
	}
	return nil
}

// state is told by the server when a whole request has come, and when it has been answered.
func (*limited) state(c net.Conn, s http.ConnState) {
	if s == http.StateActive || s == http.StateIdle {
		c.(*held).wait(s == http.StateIdle)
	}
}

type heldKey struct{}

// context lets waitAgain find the connection of a request.
func (*limited) context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, heldKey{}, c)
}

// waitAgain says that a request isn't answered any further, though its body may still come.
func waitAgain(r *http.Request) { r.Context().Value(heldKey{}).(*held).wait(true) }

// wait says whether a connection waits for a request.
func (h *held) wait(waits bool) {
	l := h.by
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(h)
	if waits && !h.closed {
		l.waiting = append(l.waiting, h)
	}
}

func (l *limited) forget(h *held) {
	l.waiting = slices.DeleteFunc(l.waiting, func(w *held) bool { return w == h })
}

func (h *held) Close() error {
	h.by.mu.Lock()
	if !h.closed {
		h.closed = true
		h.by.open--
		h.by.forget(h)
	}
	h.by.mu.Unlock()
	return h.Conn.Close()
}
