package quant

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSaturate(t *testing.T) {
	for real, want := range map[float64]int32{
		0: 0, -0.9: 0, 1.9: 1, -7: -7, math.MaxInt32: math.MaxInt32, math.MaxInt32 + 0.5: math.MaxInt32,
		1 << 31: math.MaxInt32, 1e300: math.MaxInt32, math.Inf(1): math.MaxInt32,
		math.MinInt32: math.MinInt32, -1e10: math.MinInt32, math.Inf(-1): math.MinInt32,
	} {
		if got := Saturate(real); got != want {
			t.Errorf("%g: %d, want %d", real, got, want)
		}
	}
	if got := Saturate(math.NaN()); got != 0 {
		t.Errorf("NaN: %d", got)
	}
}

// TestNoBareConversions is a linter: in the rooms whose arithmetic decides about a network's bytes, no float becomes an
// integer but by Saturate, or in a line that says why its value is in range: "// in range: …".
func TestNoBareConversions(t *testing.T) {
	rooms := []string{"edge/engine", "edge/kernels", "edge/mobilenet", "edge/model", "edge/quant"}
	out, err := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles"}, rooms...)...).Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("there is no go command here")
	} else if err != nil {
		t.Fatal(err)
	}
	type listed struct {
		ImportPath, Dir, Export string
		GoFiles                 []string
	}
	packages := map[string]listed{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
	set := token.NewFileSet()
	imports := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(packages[path].Export)
	})
	for _, room := range rooms {
		var files []*ast.File
		for _, name := range packages[room].GoFiles {
			f, err := parser.ParseFile(set, filepath.Join(packages[room].Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
		if _, err := (&types.Config{Importer: imports}).Check(room, set, files, info); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			for _, at := range bareConversions(f, info) {
				if p := set.Position(at); !explained(f, set, p.Line) {
					t.Errorf("%s:%d: a float becomes an integer: use quant.Saturate, or say why it is in range",
						filepath.Base(p.Filename), p.Line)
				}
			}
		}
	}
}

// bareConversions are the places where a float that isn't constant becomes an integer, except in Saturate.
func bareConversions(f *ast.File, info *types.Info) (at []token.Pos) {
	is := func(e ast.Expr, kind types.BasicInfo) bool {
		basic, ok := info.Types[e].Type.Underlying().(*types.Basic)
		return ok && basic.Info()&kind != 0
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if fn, ok := n.(*ast.FuncDecl); ok && fn.Name.Name == "Saturate" {
			return false
		}
		call, ok := n.(*ast.CallExpr)
		if ok && len(call.Args) == 1 && info.Types[call.Fun].IsType() && is(call.Fun, types.IsInteger) &&
			is(call.Args[0], types.IsFloat) && info.Types[call.Args[0]].Value == nil {
			at = append(at, call.Pos())
		}
		return true
	})
	return at
}

func explained(f *ast.File, set *token.FileSet, line int) bool {
	for _, group := range f.Comments {
		for _, c := range group.List {
			if set.Position(c.Pos()).Line == line && strings.HasPrefix(c.Text, "// in range: ") {
				return true
			}
		}
	}
	return false
}
