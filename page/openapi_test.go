package page

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"edge/config"
)

// openAPI is what of the description the test reads.
type openAPI struct {
	Components struct{ Schemas map[string]schema }
	Paths      map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]struct{ Schema schema }
		}
	}
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Required   []string
	Properties map[string]schema
	Items      *schema
	Enum       []string
}

// TestOpenAPI holds the description against the server: the same routes, and answers that are as described.
func TestOpenAPI(t *testing.T) {
	data, err := web.ReadFile("web/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var api openAPI
	if err := json.Unmarshal(data, &api); err != nil {
		t.Fatal(err)
	}
	// The routes, from the source: a mux doesn't list them.
	source, err := os.ReadFile("page.go")
	if err != nil {
		t.Fatal(err)
	}
	var routes, described []string
	for _, m := range regexp.MustCompile(`mux\.HandleFunc\("(GET|PATCH|POST|PUT|DELETE) ([^"]+)"(\+name)?`).FindAllStringSubmatch(string(source), -1) {
		names := []string{""}
		if m[3] != "" {
			names = []string{"app.js", "style.css", "icon.svg", "openapi.json"}
		}
		for _, name := range names {
			routes = append(routes, strings.ToLower(m[1])+" "+strings.TrimSuffix(m[2], "{$}")+name)
		}
	}
	for path, methods := range api.Paths {
		for method := range methods {
			described = append(described, method+" "+path)
		}
	}
	slices.Sort(routes)
	slices.Sort(described)
	if !slices.Equal(routes, described) || len(routes) < 15 {
		t.Errorf("served    %q\ndescribed %q", routes, described)
	}

	dir := filepath.Join(t.TempDir(), "record")
	w := newWalk(t, dir)
	program := w.program(dir)
	program.Lesson = filepath.Join(t.TempDir(), "lesson")
	program.Teacher = new(patient)
	url := serve(t, config.Page{}, program)
	for i := range 30 {
		w.see([]byte{10, 200}[i/10%2])
		time.Sleep(time.Millisecond)
	}
	w.watch(10)
	time.Sleep(300 * time.Millisecond)
	run := fmt.Sprint(w.started.UnixNano())
	request(t, http.MethodPost, url+"/api/v1/lessons", `{"class":"cat"}`)
	_, _, text := request(t, http.MethodPost, url+"/api/v1/lessons/cat/pictures", "")
	var l taught
	if err := json.Unmarshal([]byte(text), &l); err != nil || len(l.Classes) != 1 {
		t.Fatal(text)
	}
	name := l.Classes[0].Pictures[0]
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(api.Paths[path])) {
			operation := api.Paths[path][method]
			if path == "/stream" || path == "/events" {
				continue // they don't end: TestStream
			}
			at := strings.NewReplacer("{run}", run, "{moment}", "20", "{class}", "cat", "{name}", name).Replace(path)
			body := map[string]string{
				"patch /api/v1/config": `{"set":[]}`, "post /api/v1/lessons": `{"class":"dog"}`,
				"patch /api/v1/lessons/{class}/pictures/{name}": `{"class":""}`,
			}[method+" "+path]
			status, header, text := request(t, strings.ToUpper(method), url+at, body)
			response, ok := operation.Responses[fmt.Sprint(status)]
			if !ok || status != http.StatusOK {
				t.Errorf("%s %s: %d, %s", method, at, status, text)
				continue
			}
			kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
			content, ok := response.Content[kind]
			if !ok {
				t.Errorf("%s %s: it is %q", method, at, kind)
				continue
			}
			if kind != "application/json" || path == "/openapi.json" {
				continue
			}
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
			for _, wrong := range api.check(content.Schema, v, path) {
				t.Error(wrong)
			}
		}
	}
}

// check finds where a value isn't what a schema says.
func (api *openAPI) check(s schema, v any, at string) (wrong []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		named, ok := api.Components.Schemas[name]
		if !ok {
			return []string{at + ": no schema " + name}
		}
		s = named
	}
	kind := ""
	switch v := v.(type) {
	case nil:
		kind = "null"
	case bool:
		kind = "boolean"
	case string:
		kind = "string"
		if s.Enum != nil && !slices.Contains(s.Enum, v) {
			wrong = append(wrong, fmt.Sprintf("%s: %q isn't one of %q", at, v, s.Enum))
		}
	case float64:
		kind = "number"
		if s.Type == "integer" && v == float64(int64(v)) {
			kind = "integer"
		}
	case []any:
		kind = "array"
		for i, item := range v {
			if s.Items != nil {
				wrong = append(wrong, api.check(*s.Items, item, fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	case map[string]any:
		kind = "object"
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				wrong = append(wrong, at+": no "+name)
			}
		}
		for name, item := range v {
			property, ok := s.Properties[name]
			if s.Properties != nil && !ok {
				wrong = append(wrong, at+": "+name+" isn't described")
			}
			wrong = append(wrong, api.check(property, item, at+"."+name)...)
		}
	}
	switch want := s.Type.(type) {
	case string:
		if kind != want {
			wrong = append(wrong, fmt.Sprintf("%s: %s, not %s", at, kind, want))
		}
	case []any:
		if !slices.Contains(want, any(kind)) {
			wrong = append(wrong, fmt.Sprintf("%s: %s, not one of %v", at, kind, want))
		}
	}
	return wrong
}
