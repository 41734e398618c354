// Package browser tests the page in a real browser: Debian's chromium, driven through the DevTools protocol. It is a
// module of its own, so that the driver isn't in the program's go.mod.
package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var (
	chromium string // empty: there is none
	edge     string
)

func TestMain(m *testing.M) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	status := 1
	func() {
		dir, err := os.MkdirTemp("", "edge-browser")
		if err != nil {
			fmt.Println(err)
			return
		}
		defer os.RemoveAll(dir)
		edge = filepath.Join(dir, "edge")
		build := exec.Command("go", "build", "-o", edge, "./cmd/edge")
		build.Dir, build.Stderr = "../..", os.Stderr
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if err := build.Run(); err != nil {
			return
		}
		status = m.Run()
	}()
	os.Exit(status)
}

const rules = `# my rules
log_level: error
camera:
  source: %s
leds:
  - name: cat   # the neighbours'
    classes: [281, 282, 283, 284, 285]
    on: 0.95    # high
    off: 0.9
    smoothing: none
    hold: 0s
  - name: coffee
    classes: [espresso, 504, 968]
    on: 0.5
page: {lesson: lesson}
`

// program is edge run with a page.
type program struct {
	url, config string
}

// start runs edge on pictures, over and over, until the test ends.
func start(t *testing.T, fps int, pictures ...string) program {
	t.Helper()
	dir := t.TempDir()
	camera := filepath.Join(dir, "camera")
	if err := os.Mkdir(camera, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range pictures {
		show(t, name, filepath.Join(camera, name))
	}
	return launch(t, dir, "", fmt.Sprintf(rules, camera), "--loop", "--fps", fmt.Sprint(fps))
}

// show puts a picture where a camera finds it, whole.
func show(t *testing.T, name, file string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../examples", name))
	if err == nil {
		err = os.WriteFile(file+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// pan shows one of six parts of a picture, as a camera that moves.
func pan(t *testing.T, name string, part int, file string) {
	t.Helper()
	r, err := os.Open(filepath.Join("../../examples", name))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	whole, err := jpeg.Decode(r)
	if err != nil {
		t.Fatal(err)
	}
	b := whole.Bounds()
	w, h := b.Dx()*3/4, b.Dy()*3/4
	at := image.Pt(b.Min.X+(b.Dx()-w)*(part%3)/2, b.Min.Y+(b.Dy()-h)*(part/3))
	seen := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(seen, seen.Rect, whole, at, draw.Src)
	out, err := os.Create(file + ".new")
	if err == nil {
		err = errors.Join(jpeg.Encode(out, seen, nil), out.Close(), os.Rename(file+".new", file))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// launch runs edge with a configuration in a folder until the test ends. It is asked as user, "" or "NAME:PASSWORD@".
func launch(t *testing.T, dir, user, config string, args ...string) program {
	t.Helper()
	if chromium == "" {
		t.Skip("no chromium on this machine: apt-get install chromium")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	p := program{"http://" + user + address, filepath.Join(dir, "edge.yaml")}
	if err := os.WriteFile(p.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.Command(edge, append([]string{
		"run", "--config", p.config, "--leds", "none", "--page=" + address, "--record", filepath.Join(dir, "record"), "--threads", "1",
	}, args...)...)
	run.Stderr = os.Stderr
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		run.Process.Signal(syscall.SIGTERM)
		if err := run.Wait(); err != nil {
			t.Errorf("edge: %v", err)
		}
	})
	deadline := time.Now().Add(30 * time.Second)
	for {
		r, err := http.Get(p.url + "/readyz")
		if err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return p
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("edge isn't ready: ", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// state asks the program itself.
func (p program) state(t *testing.T) (s struct {
	State string
	LEDs  []struct {
		Name     string
		Lit      bool
		On, Off  float64
		Smoothed float64
	}
},
) {
	t.Helper()
	p.get(t, "/state", &s)
	return s
}

func (p program) roi(t *testing.T) string {
	t.Helper()
	var c struct{ ROI string }
	p.get(t, "/api/v1/config", &c)
	return c.ROI
}

func (p program) get(t *testing.T, path string, to any) {
	t.Helper()
	r, err := http.Get(p.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// browse opens the page in a browser of its own. What goes wrong in its console fails the test.
func browse(t *testing.T, p program, before ...action) context.Context {
	t.Helper()
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.NoFirstRun,
		chromedp.WindowSize(1280, 900))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var wrong []string
	err := chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			wrong = append(wrong, fmt.Sprint(e.ExceptionDetails.Text, " ", e.ExceptionDetails.LineNumber))
		case *cdplog.EventEntryAdded:
			crowded := strings.Contains(e.Entry.Text, "503") && (strings.HasSuffix(e.Entry.URL, "/events") || strings.Contains(e.Entry.URL, "/stream?"))
			if e.Entry.Level == "error" && !crowded && !strings.Contains(e.Entry.Text, "422") && !strings.Contains(e.Entry.Text, "403") { // what is refused is one
				wrong = append(wrong, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, text := range wrong {
			t.Error("console: ", text)
		}
	})
	do(t, ctx, before...)
	do(t, ctx, command(cdplog.Enable, cdp.Empty{}), command(runtime.Enable, cdp.Empty{}), chromedp.Navigate(p.url+"/"),
		chromedp.WaitVisible(chromedp.CSS("#led-list .led")))
	within(t, 20*time.Second, "a live picture, in its shape", func() bool {
		return value[bool](t, ctx, `$("live").naturalWidth > 0 && $("sharpness-text").textContent !== ""`)
	})
	return ctx
}

type action = chromedp.Action[chromedp.Void]

// command is a command of the DevTools protocol.
func command[P, R any](c cdp.Command[P, R], params P) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func do(t *testing.T, ctx context.Context, actions ...action) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func click(selector string) action { return chromedp.Click(chromedp.CSS(selector)) }
func focus(selector string) action { return chromedp.Focus(chromedp.CSS(selector)) }

// run runs JavaScript.
func run(expression string) action { return chromedp.Evaluate[chromedp.Void](expression) }

// value evaluates JavaScript.
func value[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// within waits until something holds.
func within(t *testing.T, d time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(d); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in vain: ", what)
		}
	}
}

type box struct{ X, Y, Width, Height float64 }

func boxOf(t *testing.T, ctx context.Context, selector string) box {
	t.Helper()
	return value[box](t, ctx, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center", behavior: "instant"});
		const b = e.getBoundingClientRect(); return {x: b.x, y: b.y, width: b.width, height: b.height} })()`, selector))
}

// drag moves the mouse with its button down.
func drag(t *testing.T, ctx context.Context, x0, y0, x1, y1 float64) {
	t.Helper()
	left := chromedp.ButtonType(input.MouseButtonLeft)
	do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x0, y0, left, chromedp.ClickCount(1)))
	for i := 1; i <= 8; i++ {
		f := float64(i) / 8
		do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x0+(x1-x0)*f, y0+(y1-y0)*f, left))
	}
	do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x1, y1, left, chromedp.ClickCount(1)))
}

// screenshot keeps a picture in docs/, if that is asked for: EDGE_SCREENSHOTS=1.
func screenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if os.Getenv("EDGE_SCREENSHOTS") == "" {
		return
	}
	data, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("../../docs", name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// screenshotOf keeps a picture of one part of the page.
func screenshotOf(t *testing.T, ctx context.Context, selector, name string) {
	t.Helper()
	if os.Getenv("EDGE_SCREENSHOTS") == "" {
		return
	}
	data, err := chromedp.Run(ctx, chromedp.Screenshot(chromedp.CSS(selector)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("../../docs", name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestAim drags over the picture: the program looks at that part from then on.
func TestAim(t *testing.T) {
	p := start(t, 10, "cat.jpg")
	ctx := browse(t, p)
	b := boxOf(t, ctx, "#view")
	drag(t, ctx, b.X+b.Width*0.25, b.Y+b.Height*0.2, b.X+b.Width*0.75, b.Y+b.Height*0.9)
	within(t, 10*time.Second, "the part that was dragged", func() bool {
		var x, y, w, h float64
		_, err := fmt.Sscanf(strings.ReplaceAll(p.roi(t), ",", " "), "%g %g %g %g", &x, &y, &w, &h)
		near := func(a, b float64) bool { return a-b < 0.02 && b-a < 0.02 }
		return err == nil && near(x, 0.25) && near(y, 0.2) && near(w, 0.5) && near(h, 0.7)
	})
	if sharp := value[float64](t, ctx, `document.getElementById("sharpness").value`); sharp <= 0 {
		t.Errorf("sharpness %v", sharp)
	}
	do(t, ctx, chromedp.SetValue(chromedp.CSS("#rotate"), "90"), run(`document.getElementById("rotate").dispatchEvent(new Event("change"))`))
	within(t, 10*time.Second, "the picture that stands", func() bool {
		v := boxOf(t, ctx, "#view")
		image := boxOf(t, ctx, "#live")
		return v.Height > v.Width && image.Height > image.Width
	})
	do(t, ctx, click("#roi-all"))
	within(t, 10*time.Second, "the whole picture", func() bool { return p.roi(t) == "0,0,1,1" })
}

// TestThreshold drags a threshold below the score: the LED goes on, and above it: it goes out. Then with the keyboard.
func TestThreshold(t *testing.T) {
	p := start(t, 10, "cat.jpg")
	ctx := browse(t, p)
	cat := p.state(t).LEDs[0]
	if cat.Lit || cat.Smoothed < 0.6 || cat.Smoothed > 0.9 {
		t.Fatalf("%+v", cat)
	}
	lit := func(want bool) func() bool {
		return func() bool {
			text := value[string](t, ctx, `document.querySelector(".led h3 span").textContent`)
			return p.state(t).LEDs[0].Lit == want && (text == "on") == want
		}
	}
	g := boxOf(t, ctx, ".led .graph")
	at := func(score float64) float64 { return g.Y + g.Height*(1-score) }
	drag(t, ctx, g.X+g.Width/2, at(0.96), g.X+g.Width/2, at(0.5))
	within(t, 10*time.Second, "an LED that follows its threshold", lit(true))
	screenshot(t, ctx, "page.png")
	if s := p.state(t).LEDs[0]; s.On > 0.55 || s.Off > s.On {
		t.Errorf("%+v", s)
	}
	do(t, ctx, focus("#led-0-off"))
	for range 50 { // both: "off" takes "on" along
		do(t, ctx, chromedp.KeyEvent(kb.ArrowRight))
	}
	within(t, 10*time.Second, "an LED that follows the keyboard", lit(false))
}

// TestSet types a wrong value, which is refused at its field, and a good one, which is saved with all comments.
func TestSet(t *testing.T) {
	p := start(t, 10, "cat.jpg")
	ctx := browse(t, p)
	set := func(value string) {
		t.Helper()
		do(t, ctx, focus("#set-0-off"), run(`document.getElementById("set-0-off").select()`), chromedp.SendKeys(chromedp.CSS("#set-0-off"), value+kb.Tab))
	}
	set("0.99")
	within(t, 10*time.Second, "a word at the field", func() bool {
		return strings.Contains(value[string](t, ctx, `document.getElementById("set-0-off-error").textContent`), "above on") &&
			value[string](t, ctx, `document.getElementById("set-0-off").getAttribute("aria-invalid")`) == "true"
	})
	if off := p.state(t).LEDs[0].Off; off != 0.9 {
		t.Errorf("off is %v", off)
	}
	set("0.3")
	within(t, 10*time.Second, "the new value", func() bool { return p.state(t).LEDs[0].Off == 0.3 })
	before, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.WaitEnabled(chromedp.CSS("#rules .save")), click("#rules .save"))
	within(t, 10*time.Second, "a saved file", func() bool {
		after, err := os.ReadFile(p.config)
		return err == nil && string(after) == strings.Replace(string(before), "off: 0.9", "off: 0.3", 1)
	})
	if kept, err := os.ReadFile(p.config + ".good"); err != nil || string(kept) != string(before) {
		t.Errorf("%v", err)
	}
}

// TestTwoBrowsers changes rules in one browser: the other one shows them. When another program answers, the page is loaded
// anew, as that may have other LEDs.
func TestTwoBrowsers(t *testing.T) {
	p := start(t, 10, "cat.jpg")
	one, other := browse(t, p), browse(t, p)
	do(t, one, run(`$("fit-mode").value = "letterbox"; $("fit-mode").dispatchEvent(new Event("change"))`),
		run(`$("set-0-hold").value = "2s"; $("set-0-hold").dispatchEvent(new Event("change"))`))
	within(t, 10*time.Second, "the rules of another browser", func() bool {
		return value[string](t, other, `settings.fit + $("fit-mode").value + $("set-0-hold").value`) == "letterboxletterbox2s"
	})
	do(t, other, run(`window.old = true; last.started = "before"`))
	within(t, 10*time.Second, "the page anew", func() bool {
		return value[bool](t, other, `!window.old && document.getElementById("set-0-hold")?.value === "2s"`)
	})
}

// TestWhy asks why the LED went on: pictures, and lines.
func TestWhy(t *testing.T) {
	p := start(t, 4, "cat.jpg", "coffee.jpg", "wall.jpg")
	ctx := browse(t, p)
	patch, err := http.NewRequest(http.MethodPatch, p.url+"/api/v1/config", strings.NewReader(`{"set":[{"path":"leds[0].off","value":"0.4"},{"path":"leds[0].on","value":"0.5"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := http.DefaultClient.Do(patch); err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r, err)
	}
	within(t, 20*time.Second, "a switch", func() bool {
		do(t, ctx, click("#reload"), chromedp.Sleep(300*time.Millisecond))
		return value[bool](t, ctx, `[...document.querySelectorAll("#events span")].some((s) => s.textContent === "switch")`)
	})
	do(t, ctx, chromedp.Sleep(2*time.Second), click("#reload"), chromedp.Sleep(500*time.Millisecond),
		run(`[...document.querySelectorAll("#events button")].findLast((b) => b.textContent.includes("switch")).click()`),
		chromedp.WaitVisible(chromedp.CSS("#story h3")), chromedp.WaitVisible(chromedp.CSS("#story .graph")))
	within(t, 10*time.Second, "pictures", func() bool {
		return value[bool](t, ctx, `(() => { const i = [...document.querySelectorAll("#story img")]; return i.length > 1 && i[0].naturalWidth > 0 })()`)
	})
	if d := value[string](t, ctx, `document.querySelector("#story .graph .score").getAttribute("d")`); !strings.Contains(d, "L") {
		t.Errorf("no line: %q", d)
	}
}

// TestTeach takes pictures of two classes from the camera, takes one away, and brings it back.
func TestTeach(t *testing.T) {
	p := start(t, 10, "cat.jpg")
	ctx := browse(t, p)
	for _, class := range []string{"cat", "none"} {
		do(t, ctx, chromedp.SendKeys(chromedp.CSS("#new-class"), class+kb.Enter))
		within(t, 10*time.Second, "a class", func() bool { // none is offered before it is made; the answer empties the field
			return value[string](t, ctx, `$("new-class").value`) == "" && strings.Contains(value[string](t, ctx, `$("classes").textContent`), class+": 0")
		})
	}
	count := func(want string) func() bool {
		return func() bool { return strings.Contains(value[string](t, ctx, `$("class-0").textContent`), want) }
	}
	do(t, ctx, click("#class-0"))
	within(t, 10*time.Second, "a picture", count("cat: 1"))
	b := boxOf(t, ctx, "#class-0")
	left := chromedp.ButtonType(input.MouseButtonLeft)
	do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, b.X+20, b.Y+20, left, chromedp.ClickCount(1)))
	within(t, 20*time.Second, "pictures as long as the button is held", count("cat: 4"))
	do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, b.X+20, b.Y+20, left, chromedp.ClickCount(1)), chromedp.Sleep(time.Second))
	before := value[string](t, ctx, `$("class-0").textContent`)
	do(t, ctx, run(`$("picture-0-0").value = ""; $("picture-0-0").dispatchEvent(new Event("change"))`))
	within(t, 10*time.Second, "a picture less", func() bool { return value[string](t, ctx, `$("class-0").textContent`) != before })
	do(t, ctx, chromedp.WaitEnabled(chromedp.CSS("#undo")), click("#undo"))
	within(t, 10*time.Second, "the picture again", func() bool { return value[string](t, ctx, `$("class-0").textContent`) == before })
	files, err := filepath.Glob(filepath.Join(filepath.Dir(p.config), "lesson", "cat", "*.jpg"))
	if err != nil || fmt.Sprint("cat: ", len(files)) != before {
		t.Errorf("%s, %q, %v", before, files, err)
	}
}

const taughtRules = `log_level: error
camera:
  source: 'exec:while cat %s; do sleep 0.1; done'
leds:
  - {name: cat, classes: [cat], smoothing: none, hold: 0s}
teach: {lesson: door}
`

// TestTaught teaches two classes and none from what a camera is shown, in the page alone: the network knows them, the score
// card is there, and Why shows the taught pictures that an event looks like. One press is undone as a whole.
func TestTaught(t *testing.T) {
	dir := t.TempDir()
	now := filepath.Join(dir, "now.jpg")
	show(t, "cat.jpg", now)
	p := launch(t, dir, "", fmt.Sprintf(taughtRules, now))
	ctx := browse(t, p)
	text := func(id string) string { return value[string](t, ctx, fmt.Sprintf(`$(%q).textContent`, id)) }
	sees := func(class string) func() bool {
		return func() bool {
			return value[string](t, ctx, `document.querySelector("#top li span")?.textContent ?? ""`) == class
		}
	}
	within(t, 10*time.Second, "nothing is known yet", sees("none"))
	left := chromedp.ButtonType(input.MouseButtonLeft)
	// collect holds the button of a class while the camera sees the given part of a picture, until it has so many more.
	collect := func(class, picture string, part, more int) {
		t.Helper()
		pan(t, picture, part, now)
		do(t, ctx, chromedp.Sleep(700*time.Millisecond)) // the camera and the page have it
		button := fmt.Sprintf(`[...document.querySelectorAll("#classes .class")].find((b) => b.textContent.startsWith(%q))`, class+":")
		b := value[box](t, ctx, `(() => { const e = `+button+`; e.scrollIntoView({block: "center", behavior: "instant"});
			const b = e.getBoundingClientRect(); return {x: b.x, y: b.y, width: b.width, height: b.height} })()`)
		count := func() (n int) {
			if _, err := fmt.Sscanf(value[string](t, ctx, button+`.textContent.split(": ")[1]`), "%d", &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		want := count() + more
		do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, b.X+20, b.Y+20, left, chromedp.ClickCount(1)))
		if more > 1 {
			within(t, 20*time.Second, "pictures of "+class, func() bool { return count() >= want })
		}
		do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, b.X+20, b.Y+20, left, chromedp.ClickCount(1)))
		within(t, 20*time.Second, "a picture of "+class, func() bool { return count() >= want })
	}
	for _, class := range []string{"cat", "rocket"} {
		do(t, ctx, chromedp.SendKeys(chromedp.CSS("#new-class"), class+kb.Enter))
		within(t, 10*time.Second, "a class", func() bool { return strings.Contains(text("classes"), class+": 0") })
	}
	collect("cat", "cat.jpg", 0, 3)
	within(t, 20*time.Second, "a word that one class is too few", func() bool { return strings.Contains(text("teaching"), "only one class") })
	collect("rocket", "rocket.jpg", 0, 1)
	within(t, 20*time.Second, "the second class", sees("rocket"))
	within(t, 20*time.Second, "no number that says nothing", func() bool { return strings.HasPrefix(text("teaching"), "Taught. How good") })
	for part := 1; part < 5; part++ {
		collect("cat", "cat.jpg", part, 1)
		collect("rocket", "rocket.jpg", part, 1)
		collect("none", "wall.jpg", part, 1) // it needs no name typed
	}
	within(t, 20*time.Second, "what is none of them", sees("none"))
	pan(t, "cat.jpg", 5, now) // a part that wasn't taught
	within(t, 20*time.Second, "the first class", sees("cat"))
	within(t, 20*time.Second, "its LED", func() bool { return p.state(t).LEDs[0].Lit })
	within(t, 20*time.Second, "the score card of all pictures", func() bool {
		var now struct {
			Busy bool
			Card struct{ Pictures int }
		}
		p.get(t, "/api/v1/teaching", &now)
		return !now.Busy && now.Card.Pictures == value[int](t, ctx, `document.querySelectorAll("#classes li").length`)
	})
	within(t, 20*time.Second, "that card on the page", func() bool {
		card := text("card")
		return strings.Contains(card, "none4") && strings.Contains(text("teaching"), " right (") && strings.Contains(card, "What would help most") && strings.Contains(card, "rocket") &&
			value[int](t, ctx, `document.querySelectorAll("#card tr").length`) == 4
	})
	screenshotOf(t, ctx, "#teach", "page-teach.png")

	do(t, ctx, chromedp.Sleep(time.Second), click("#reload"), chromedp.Sleep(500*time.Millisecond),
		run(`[...document.querySelectorAll("#events button")].find((b) => b.textContent.includes("switch")).click()`))
	within(t, 20*time.Second, "the nearest taught pictures", func() bool {
		return value[bool](t, ctx, `(() => { const i = [...document.querySelectorAll("#story .near img")];
			return i.length === 5 && i.every((e) => e.naturalWidth > 0) })()`) &&
			strings.HasPrefix(value[string](t, ctx, `document.querySelector("#story .near span").textContent`), "cat ")
	})
	screenshotOf(t, ctx, "#story", "page-why.png")
	collect("rocket", "coffee.jpg", 0, 6) // by mistake
	within(t, 20*time.Second, "what shouldn't have been taught", sees("rocket"))
	do(t, ctx, chromedp.Sleep(time.Second), chromedp.WaitEnabled(chromedp.CSS("#undo")), click("#undo"))
	within(t, 20*time.Second, "all that the press took is forgotten", sees("none"))
}

// collected makes the lesson door in a folder, with so many pictures of each of its classes.
func collected(t *testing.T, dir string, pictures int) {
	t.Helper()
	for _, class := range []string{"cat", "rocket"} {
		if err := os.MkdirAll(filepath.Join(dir, "door", class), 0o700); err != nil {
			t.Fatal(err)
		}
		for part := range pictures {
			pan(t, class+".jpg", part, filepath.Join(dir, "door", class, fmt.Sprint(part, ".jpg")))
		}
	}
}

// TestViewer looks with the password for looking: the score card is shown, and whatever would change something can't be used.
func TestViewer(t *testing.T) {
	hash := exec.Command(edge, "password")
	hash.Stdin = strings.NewReader("look at it all\n")
	text, err := hash.Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	now := filepath.Join(dir, "now.jpg")
	show(t, "cat.jpg", now)
	collected(t, dir, 2)
	page := strings.Replace(string(text), "password", "view_password", 1)
	ctx := browse(t, launch(t, dir, "anybody:look%20at%20it%20all@", fmt.Sprintf(taughtRules, now)+page))
	within(t, 20*time.Second, "the score card", func() bool {
		return value[int](t, ctx, `document.querySelectorAll("#card tr").length`) == 3
	})
	if usable := value[string](t, ctx, `[...document.querySelectorAll("#teach button, #teach input, #teach select")].filter((e) => !e.disabled)
		.map((e) => e.id || e.textContent).join(" ")`); usable != "" {
		t.Errorf("it can be used: %s", usable)
	}
	if status := value[int](t, ctx, `(() => { const r = new XMLHttpRequest(); r.open("POST", "/api/v1/lessons/cat/pictures", false); r.send(); return r.status })()`); status != http.StatusForbidden {
		t.Errorf("a picture is taken: %d", status)
	}
}

// TestPhone holds that nothing is wider than a phone, and that what is touched is large enough.
func TestPhone(t *testing.T) {
	p := start(t, 10, "cat.jpg")
	ctx := browse(t, p, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait))
	if wide := value[string](t, ctx, `(() => { const w = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= w) return "";
		return [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > w + 1).map((e) => e.tagName + "#" + e.id).join(" ") })()`); wide != "" {
		t.Errorf("wider than the screen: %s", wide)
	}
	if small := value[string](t, ctx, `[...document.querySelectorAll("button, select, input")].filter((e) => { const b = e.getBoundingClientRect(); return b.height > 0 && Math.min(b.width, b.height) < 16 })
		.map((e) => e.id || e.textContent).join(" ")`); small != "" {
		t.Errorf("too small for a finger: %s", small)
	}
	screenshot(t, ctx, "page-phone.png")
}

// TestBehind holds that a page behind others makes room for other watchers, and that it follows again once it is seen, even if
// there is no room at first.
func TestBehind(t *testing.T) {
	p := start(t, 10, "cat.jpg")
	ctx := browse(t, p)
	behind := func(hidden bool) {
		t.Helper()
		do(t, ctx, run(fmt.Sprintf(`Object.defineProperty(document, "hidden", {configurable: true, value: %v});
			document.dispatchEvent(new Event("visibilitychange"))`, hidden)))
	}
	var watchers []io.Closer
	crowd := func() (full bool) {
		r, err := http.Get(p.url + "/events")
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != http.StatusOK {
			r.Body.Close()
			return true
		}
		watchers = append(watchers, r.Body)
		return false
	}
	within(t, 20*time.Second, "a crowd", crowd)
	const places = 24 // of page.Server
	if len(watchers) >= places {
		t.Fatalf("%d others, and the page", len(watchers))
	}
	behind(true)
	within(t, 20*time.Second, "all places for others", func() bool { return !crowd() && len(watchers) == places })
	behind(false)
	says := func(word string) func() bool {
		return func() bool { return strings.Contains(value[string](t, ctx, `$("state").textContent`), word) }
	}
	within(t, 20*time.Second, "a page without room", says("doesn't answer"))
	for _, w := range watchers {
		w.Close()
	}
	within(t, 20*time.Second, "a page that follows again", func() bool {
		return !says("doesn't answer")() && value[bool](t, ctx, `$("live").src.includes("/stream")`)
	})
}

// TestKeyboard walks through everything with the Tab key alone: each control is reached, in the order of the page, and is
// seen to have the focus.
func TestKeyboard(t *testing.T) {
	p := start(t, 10, "cat.jpg")
	ctx := browse(t, p)
	all := value[int](t, ctx, `document.querySelectorAll("a[href], button:not(:disabled), select, input").length`)
	seen := map[string]bool{}
	for range all + 20 {
		do(t, ctx, chromedp.KeyEvent(kb.Tab))
		at := value[struct{ Name, Outline string }](t, ctx, `(() => { const e = document.activeElement, s = getComputedStyle(e);
			if (e === document.body) return {name: "", outline: ""};
			const name = e.id || e.getAttribute("href") || e.textContent.slice(0, 40);
			return {name, outline: s.outlineStyle === "none" ? "" : s.outlineWidth} })()`)
		if at.Name == "" {
			continue
		}
		if at.Outline == "" {
			t.Errorf("%s: nobody sees that it has the focus", at.Name)
		}
		seen[at.Name] = true
	}
	for _, want := range []string{"#aim", "#why", "roi-x", "roi-h", "roi-all", "fit-mode", "rotate", "mirror", "led-0-on", "led-0-off", "reload", "set-0-smoothing"} {
		if !seen[want] {
			t.Errorf("%s isn't reached; reached are %v", want, seen)
		}
	}
	do(t, ctx, focus("#roi-w"), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Tab))
	within(t, 10*time.Second, "a part chosen by keyboard", func() bool { return p.roi(t) == "0,0,0.99,1" })
}

// TestAxe runs axe-core over the page, in light and dark.
func TestAxe(t *testing.T) {
	file := os.Getenv("EDGE_AXE")
	axe, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no axe-core: make test-page fetches it if there is npm")
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	now := filepath.Join(dir, "now.jpg")
	show(t, "cat.jpg", now)
	collected(t, dir, 4)
	for name, p := range map[string]program{
		"untaught": start(t, 10, "cat.jpg", "coffee.jpg"), "taught": launch(t, dir, "", fmt.Sprintf(taughtRules, now)),
	} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(name+" "+scheme, func(t *testing.T) { findViolations(t, p, scheme, string(axe)) })
		}
	}
}

func findViolations(t *testing.T, p program, scheme, axe string) {
	ctx := browse(t, p, command(page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}), command(emulation.SetEmulatedMedia,
		emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}))
	do(t, ctx, run(`askLesson("", "POST", {class: "cat"}).then(() => askLesson("/cat/pictures", "POST"))`), chromedp.Sleep(3*time.Second),
		run(`[...document.querySelectorAll("#events button")].at(-1)?.click()`), chromedp.Sleep(time.Second),
		run(axe))
	type violation struct {
		ID, Help string
		Nodes    []struct{ HTML, FailureSummary string }
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]violation](`axe.run().then((r) => r.violations.map((v) =>
		({id: v.id, help: v.help, nodes: v.nodes.map((n) => ({html: n.html, failureSummary: n.failureSummary}))})))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		for _, n := range v.Nodes {
			t.Errorf("%s: %s\n%s\n%s", v.ID, v.Help, n.HTML, n.FailureSummary)
		}
	}
	t.Log("taught: ", value[string](t, ctx, `$("teaching").textContent + " " + document.querySelectorAll("#story .near img").length`))
}

// TestNoScript reads the page and /state without JavaScript.
func TestNoScript(t *testing.T) {
	p := start(t, 10, "cat.jpg")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(options, chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	do(t, ctx, command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}), chromedp.Navigate(p.url+"/state"))
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("main")))
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"watching", "cat", "0.95", "frames a second"} {
		if !strings.Contains(text, words) {
			t.Errorf("%q isn't in %s", words, text)
		}
	}
}
