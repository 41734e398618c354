package download

import (
	"bufio"
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const limit = 1 << 20

// body is what the servers serve.
var body = []byte(strings.Repeat("0123456789abcdef", 1<<12))

// serve starts a server that curl trusts, and returns its URL of a file and that file's part.
func serve(t *testing.T, handle http.HandlerFunc) (url, part string) {
	t.Helper()
	needCurl(t)
	s := httptest.NewTLSServer(handle)
	t.Cleanup(s.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	write(t, bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	t.Setenv("CURL_CA_BUNDLE", bundle)
	return s.URL + "/net.tgz", filepath.Join(t.TempDir(), "net.tgz.part")
}

func needCurl(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skipf("skipped without curl: %v", err)
	}
	t.Setenv("no_proxy", "*")
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// withRanges serves the body as good servers do.
func withRanges(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "net.tgz", time.Time{}, bytes.NewReader(body))
}

// half serves one half of what it promises.
func half(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	_, _ = w.Write(body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

func TestFetch(t *testing.T) {
	first, last := body[:1000], body[len(body)-1:]
	for _, c := range []struct {
		name    string
		part    []byte // what is there before; nil: nothing
		handle  http.HandlerFunc
		resumed bool
	}{
		{"whole", nil, withRanges, false},
		{"empty part", []byte{}, withRanges, false},
		{"resumed", first, withRanges, true},
		{"complete", body, withRanges, true},
		{"part that is longer than the file", append(bytes.Clone(body), last...), withRanges, false},
		{"part above the limit", make([]byte, limit+1), withRanges, false},
		{"server without ranges", first, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }, false},
		{"server that doesn't say how much", nil, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(body[:5])
			w.(http.Flusher).Flush()
			_, _ = w.Write(body[5:])
		}, false},
		{"another range than asked for", first, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=500-")
			}
			withRanges(w, r)
		}, false},
		{"range without its name", first, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusPartialContent)
			}
			_, _ = w.Write(body)
		}, false},
		{"redirection", first, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/net.tgz" {
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
				return
			}
			withRanges(w, r)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, part := serve(t, c.handle)
			if c.part != nil {
				write(t, part, c.part)
			}
			var have, total int64
			resumed, err := Fetch(t.Context(), url, part, Options{Limit: limit, Progress: func(h, t int64) { have, total = h, t }})
			got, _ := os.ReadFile(part)
			if err != nil || resumed != c.resumed || !bytes.Equal(got, body) {
				t.Fatalf("resumed %v, %v; %d bytes of %d", resumed, err, len(got), len(body))
			}
			size := int64(len(body))
			unknown := total == 0 && (c.name == "server that doesn't say how much" || len(body) > 2048)
			if c.name != "complete" && (have != size || total != size && !unknown) {
				t.Errorf("progress ends at %d of %d", have, total)
			}
		})
	}
}

func TestFetchGoesOn(t *testing.T) {
	ranges := make(chan string, 10)
	var again atomic.Bool
	url, part := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ranges <- r.Header.Get("Range")
		if !again.Swap(true) {
			half(w, r)
		}
		withRanges(w, r)
	})
	_, err := Fetch(t.Context(), url, part, Options{Limit: limit})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("broke off after %d bytes", len(body)/2)) {
		t.Fatalf("first: %v", err)
	}
	resumed, err := Fetch(t.Context(), url, part, Options{Limit: limit})
	got, _ := os.ReadFile(part)
	if err != nil || !resumed || !bytes.Equal(got, body) {
		t.Errorf("second: resumed %v, %v, %d bytes", resumed, err, len(got))
	}
	if n, one, two := len(ranges), <-ranges, <-ranges; n != 2 || one != "" || two != fmt.Sprintf("bytes=%d-", len(body)/2) {
		t.Errorf("asked %d times, for %q and %q", n, one, two)
	}
}

func TestFetchInterrupted(t *testing.T) {
	came := make(chan struct{})
	url, part := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(body[:5000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(came)
	})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Fetch(ctx, url, part, Options{Limit: limit, Progress: func(have, _ int64) {
		if have == 5000 {
			cancel()
		}
	}})
	got, _ := os.ReadFile(part)
	if err == nil || !strings.Contains(err.Error(), "interrupted") || !bytes.Equal(got, body[:5000]) {
		t.Errorf("%v; %d bytes", err, len(got))
	}
	select {
	case <-came: // curl is gone
	case <-time.After(10 * time.Second):
		t.Error("curl goes on")
	}
}

func TestFetchFails(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "this is no file")
		}
	}
	plain := httptest.NewServer(http.HandlerFunc(withRanges))
	defer plain.Close()
	for _, c := range []struct {
		name, want string
		handle     http.HandlerFunc
	}{
		{"404", "answers 404", status(404)},
		{"403", "answers 403", status(403)},
		{"500", "answers 500", status(500)},
		{"416 without a range", "answers 416", status(416)},
		{"206 without a range", "answers 206", status(206)},
		{"too large, and says so", "at most 1048576", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(limit+1))
			_, _ = w.Write(body)
		}},
		{"too large, without an end", "more than 1048576", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(body); err != nil {
					return
				}
			}
		}},
		{"broken off", "broke off after 32768 bytes", half},
		{"redirected to http", "rotocol", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, plain.URL, http.StatusFound)
		}},
		{"redirected forever", "redirects", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}},
		{"redirected to a file", "rotocol", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, part := serve(t, c.handle)
			_, err := Fetch(t.Context(), url, part, Options{Limit: limit})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), url) {
				t.Errorf("%v, want %s", err, c.want)
			}
			got, err := os.ReadFile(part)
			if (err == nil) != (len(got) > 0) || len(got) > limit || !bytes.HasPrefix(bytes.Repeat(body, 16), got) {
				t.Errorf("part has %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestFetchIsSafe(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(withRanges))
	defer plain.Close()
	for _, url := range []string{plain.URL, "ftp://127.0.0.1/x", "file:///etc/passwd", "-o/tmp/x", "HTTP://127.0.0.1/", ""} {
		part := filepath.Join(t.TempDir(), "part")
		if _, err := Fetch(t.Context(), url, part, Options{Limit: limit}); err == nil || !strings.Contains(err.Error(), "only https") {
			t.Errorf("%s: %v", url, err)
		}
	}
	t.Run("plain http where it is allowed", func(t *testing.T) {
		needCurl(t)
		part := filepath.Join(t.TempDir(), "part")
		if _, err := Fetch(t.Context(), plain.URL, part, Options{Limit: limit, PlainHTTP: true}); err != nil {
			t.Error(err)
		}
	})
	t.Run("certificate of nobody", func(t *testing.T) {
		url, part := serve(t, withRanges)
		t.Setenv("CURL_CA_BUNDLE", "")
		// A curlrc must not switch the check off, either.
		home := t.TempDir()
		write(t, filepath.Join(home, ".curlrc"), []byte("insecure\n"))
		t.Setenv("HOME", home)
		t.Setenv("CURL_HOME", home)
		if _, err := Fetch(t.Context(), url, part, Options{Limit: limit}); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Error(err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		needCurl(t)
		part := filepath.Join(t.TempDir(), "part")
		if _, err := Fetch(t.Context(), "https://127.0.0.1:1/x", part, Options{Limit: limit}); err == nil || !strings.Contains(err.Error(), "curl: (") {
			t.Error(err)
		}
	})
	t.Run("without curl", func(t *testing.T) {
		t.Setenv("PATH", "")
		part := filepath.Join(t.TempDir(), "part")
		if _, err := Fetch(t.Context(), "https://127.0.0.1/x", part, Options{Limit: limit}); !errors.Is(err, ErrNoCurl) {
			t.Error(err)
		}
		if _, err := os.Stat(part); err == nil {
			t.Error("there is a part")
		}
	})
	t.Run("nowhere to write", func(t *testing.T) {
		needCurl(t)
		part := filepath.Join(t.TempDir(), "absent", "part")
		if _, err := Fetch(t.Context(), "https://127.0.0.1/x", part, Options{Limit: limit}); err == nil || !strings.Contains(err.Error(), part) {
			t.Error(err)
		}
	})
}

func TestReadAnswer(t *testing.T) {
	for head, want := range map[string]answer{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n":                                                                   {200, 0, 5},
		"HTTP/2 200 \r\ncontent-length: 5\r\ncontent-range: bytes 3-4/9\r\n\r\n":                                         {200, 0, 5},
		"HTTP/2 206 \r\ncontent-length: 2\r\nCONTENT-RANGE: bytes 3-4/9\r\n\r\n":                                         {206, 3, 9},
		"HTTP/2 206 \r\ncontent-range: bytes 3-4/*\r\n\r\n":                                                              {206, 3, 0},
		"HTTP/1.1 416 x\ncontent-range: bytes */9\n\n":                                                                   {416, 0, 9},
		"HTTP/1.1 206 x\r\ncontent-range: lines 3-4/9\r\n\r\n":                                                           {206, 0, 0},
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n":                                                                  {200, 0, 0},
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n":                                                {200, 0, 0},
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 x\r\nContent-Length: 7\r\nLocation: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\n": {200, 0, 0},
		"HTTP/1.1 404 no\r\n\r\n":                                                                                        {404, 0, 0},
	} {
		r := bufio.NewReader(strings.NewReader(head + "body"))
		got, err := readAnswer(r)
		rest, _ := io.ReadAll(r)
		if err != nil || got != want || string(rest) != "body" {
			t.Errorf("%q: %+v, %v, then %q", head, got, err, rest)
		}
	}
	for head, want := range map[string]string{
		"":                                      "early",
		"HTTP/1.1 200 OK\r\nContent-Length: 5":  "early",
		"HTTP/1.1 302 x\r\nLocation: y\r\n\r\n": "early",
		"220 smtp\r\n":                          "isn't HTTP",
		"HTTP/1.1\r\n":                          "isn't HTTP",
		"HTTP/1.1 99999 x\r\n":                  "isn't HTTP",
		"HTTP/1.1 200 OK\r\n" + strings.Repeat("a: b\r\n", maxHead/6):   "no end",
		strings.Repeat("HTTP/1.1 302 x\r\n\r\n", maxHead/18+1):          "no end",
		"HTTP/1.1 200 OK\r\n" + strings.Repeat("a", 2*maxHead) + "\r\n": "no end",
	} {
		if got, err := readAnswer(bufio.NewReader(strings.NewReader(head))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %+v, %v, want %s", head, got, err, want)
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add("HTTP/1.1 100 Continue\r\n\r\nHTTP/2 206 \r\ncontent-length: 2\r\ncontent-range: bytes 3-4/9\r\n\r\nbody")
	f.Add("HTTP/1.1 302 x\nLocation: y\n\nHTTP/1.1 200 OK\nContent-Length: 5\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := readAnswer(bufio.NewReader(strings.NewReader(text)))
		if err == nil && (a.status < 200 || a.status > 599 || a.status/100 == 3 || a.from < 0 || a.total < 0) {
			t.Errorf("%+v", a)
		}
	})
}
