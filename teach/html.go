package teach

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"path/filepath"

	"edge/frame"
)

// WriteHTML writes the card as one file that needs nothing else: thumbnails lie in it.
func (c *Card) WriteHTML(ctx context.Context, w io.Writer) error {
	page := template.Must(template.New("card").Funcs(template.FuncMap{
		"percent": func(share float64) float64 { return 100 * share },
		"base":    filepath.Base,
		"thumbnail": func(file string) template.URL {
			return thumbnail(ctx, file)
		},
		"shade": func(n int, of ClassCard) template.CSS {
			if n == 0 || of.Bursts == 0 {
				return ""
			}
			return template.CSS(fmt.Sprintf("background:rgb(80 140 255/%.2f)", 0.8*float64(n)/float64(of.Bursts)))
		},
		"label": func(i int) string { return c.Classes[i].Name },
		"class": func(i int) ClassCard { return c.Classes[i] },
	}).Parse(cardPage))
	var b bytes.Buffer
	if err := page.Execute(&b, c); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// thumbnailSide is a thumbnail's longer side, in pixels.
const thumbnailSide = 120

// thumbnail is a picture file made small, as a URL that holds it; nothing if it can't be read.
func thumbnail(ctx context.Context, file string) template.URL {
	f, err := frame.ReadFile(ctx, file)
	if err != nil || f.Format != frame.RGB24 {
		return ""
	}
	step := max(float64(max(f.Width, f.Height))/thumbnailSide, 1)
	small := image.NewRGBA(image.Rect(0, 0, max(int(float64(f.Width)/step), 1), max(int(float64(f.Height)/step), 1)))
	stride := f.Stride
	if stride == 0 {
		stride = 3 * f.Width
	}
	n := max(int(step), 1)
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			var sum [3]int
			count := 0
			for dy := range n {
				for dx := range n {
					py, px := int(float64(y)*step)+dy, int(float64(x)*step)+dx
					if py >= f.Height || px >= f.Width {
						continue
					}
					count++
					for c := range 3 {
						sum[c] += int(f.Pix[py*stride+3*px+c])
					}
				}
			}
			count = max(count, 1)
			small.SetRGBA(x, y, color.RGBA{uint8(sum[0] / count), uint8(sum[1] / count), uint8(sum[2] / count), 255})
		}
	}
	var b bytes.Buffer
	if jpeg.Encode(&b, small, &jpeg.Options{Quality: 80}) != nil {
		return ""
	}
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
}

const cardPage = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Lesson}}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse}
td,th{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}
figure{display:inline-block;margin:.4rem;width:17rem;vertical-align:top;font-size:.85rem}figure img{max-width:8rem;max-height:8rem}
.advice{padding:.8rem;background:#eef4ff;border-left:4px solid #508cff}.warning{padding:.8rem;background:#fff4e0;border-left:4px solid #e09000}
</style>
<h1>{{.Lesson}}: {{printf "%.1f" (percent .Accuracy)}} % right when left out</h1>
<p>Between {{printf "%.1f" (percent .Low)}} and {{printf "%.1f" (percent .High)}} %, 19 times of 20. {{.Pictures}} pictures,
{{.Bursts}} if those that are nearly the same count once. Features: {{.Features}} of {{.Backbone}}. Taught {{.Taught.Format "2006-01-02 15:04"}} UTC.</p>
<p class="advice"><b>What would help most:</b> {{.Advice}}</p>
{{range .Warnings}}<p class="warning">{{.}}</p>{{end}}
<h2>Classes</h2>
<table><tr><th>class<th>pictures<th>counted<th>right<th>familiar<th>threshold</tr>
{{range .Classes}}<tr><td>{{.Name}}<td>{{.Pictures}}<td>{{.Bursts}}<td>{{printf "%.0f" (percent .Accuracy)}} %<td>{{printf "%.0f" (percent .Kept)}} %<td>{{printf "%.2f" .Threshold}}</tr>
{{end}}</table>
<h2>What is taken for what</h2>
<table><tr><th>shows<th colspan="{{len .Classes}}">taken for</tr><tr><th>{{range .Classes}}<th>{{.Name}}{{end}}</tr>
{{range $i, $row := .Confusion}}<tr><td>{{label $i}}{{range $row}}<td style="{{shade . (class $i)}}">{{.}}{{end}}</tr>
{{end}}</table>
<h2>The hardest pictures, and what they look like</h2>
{{range .Worst}}<figure><img src="{{thumbnail .File}}" alt=""> {{if .Resembles}}<img src="{{thumbnail .Resembles}}" alt="">{{end}}
<figcaption>{{base .File}} shows {{.Shows}}, {{if eq .Shows .TakenFor}}rightly{{else}}<b>taken for {{.TakenFor}}</b>{{end}} ({{printf "%.0f" (percent .Score)}} %){{if .Resembles}};
looks like {{base .Resembles}} ({{printf "%.2f" .Cosine}}){{end}}</figcaption></figure>
{{end}}
{{if .Twins}}<h2>The same, in different classes</h2>{{range .Twins}}<p>{{range .}}<img src="{{thumbnail .}}" alt="{{.}}"> {{.}} {{end}}</p>{{end}}{{end}}
<h2>How it grew</h2>
<table><tr><th>pictures a class{{range .Growth}}<td>{{.Pictures}}{{end}}</tr><tr><th>right{{range .Growth}}<td>{{printf "%.1f" (percent .Accuracy)}} %{{end}}</tr></table>
{{if .Duplicates}}<h2>Nearly the same, counted once</h2>{{range .Duplicates}}<p>{{len .}}: {{range .}}{{base .}} {{end}}</p>{{end}}{{end}}
{{if .Unreadable}}<h2>Not read</h2>{{range .Unreadable}}<p>{{.}}</p>{{end}}{{end}}
</html>
`
