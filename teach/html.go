package teach

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"path/filepath"

	"edge/frame"
)

// cardPage collects HTML. It isn't html/template, with which the linker has to keep every method of the program: 2.3 MB.
type cardPage struct {
	bytes.Buffer
	ctx context.Context
}

// add adds HTML; texts among what is formatted become HTML's.
func (p *cardPage) add(format string, args ...any) {
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = html.EscapeString(s)
		}
	}
	fmt.Fprintf(p, format, args...)
}

// thumbnail adds a picture file, made small.
func (p *cardPage) thumbnail(file, alt string) {
	p.add(`<img src="%s" alt="%s"> `, thumbnail(p.ctx, file), alt)
}

// WriteHTML writes the card as one self-contained file, thumbnails included.
func (c *Card) WriteHTML(ctx context.Context, w io.Writer) error {
	p := &cardPage{ctx: ctx}
	p.add(cardHead, c.Lesson, c.Lesson, 100*c.Accuracy, 100*c.Low, 100*c.High, c.Pictures, c.Bursts, c.Features, c.Backbone,
		c.Taught.Format("2006-01-02 15:04"), c.Advice)
	for _, warning := range c.Warnings {
		p.add("<p class=\"warning\">%s</p>\n", warning)
	}
	c.addClasses(p)
	p.add("<h2>The hardest pictures, and what they look like</h2>\n")
	for i := range c.Worst {
		p.addMistake(&c.Worst[i])
	}
	if len(c.Twins) > 0 {
		p.add("<h2>The same, in different classes</h2>\n")
	}
	for _, twins := range c.Twins {
		p.add("<p>")
		for _, file := range twins {
			p.thumbnail(file, file)
			p.add("%s ", file)
		}
		p.add("</p>\n")
	}
	c.addRest(p)
	_, err := w.Write(p.Bytes())
	return err
}

// addClasses adds the tables of the classes, and of what is taken for what.
func (c *Card) addClasses(p *cardPage) {
	p.add("<h2>Classes</h2>\n<table><tr><th>class<th>pictures<th>counted<th>right<th>familiar<th>threshold</tr>\n")
	for _, k := range c.Classes {
		p.add("<tr><td>%s<td>%d<td>%d<td>%.0f %%<td>%.0f %%<td>%.2f</tr>\n", k.Name, k.Pictures, k.Bursts, 100*k.Accuracy, 100*k.Kept, k.Threshold)
	}
	p.add("</table>\n<h2>What is taken for what</h2>\n<table><tr><th>shows<th colspan=\"%d\">taken for</tr><tr><th>", len(c.Classes))
	for _, k := range c.Classes {
		p.add("<th>%s", k.Name)
	}
	p.add("</tr>\n")
	for i, row := range c.Confusion {
		p.add("<tr><td>%s", c.Classes[i].Name)
		for _, n := range row {
			shade := 0.0
			if of := c.Classes[i].Bursts; of > 0 {
				shade = 0.8 * float64(n) / float64(of)
			}
			p.add(`<td style="background:rgb(80 140 255/%.2f)">%d`, shade, n)
		}
		p.add("</tr>\n")
	}
	p.add("</table>\n")
}

func (p *cardPage) addMistake(m *Mistake) {
	p.add("<figure>")
	p.thumbnail(m.File, "")
	if m.Resembles != "" {
		p.thumbnail(m.Resembles, "")
	}
	p.add("<figcaption>%s shows %s, ", filepath.Base(m.File), m.Shows)
	if m.Shows == m.TakenFor {
		p.add("rightly")
	} else {
		p.add("<b>taken for %s</b>", m.TakenFor)
	}
	p.add(" (%.0f %%)", 100*m.Score)
	if m.Resembles != "" {
		p.add("; looks like %s (%.2f)", filepath.Base(m.Resembles), m.Cosine)
	}
	p.add("</figcaption></figure>\n")
}

// addRest adds how it grew, and what was left out.
func (c *Card) addRest(p *cardPage) {
	p.add("<h2>How it grew</h2>\n<table><tr><th>pictures a class")
	for _, g := range c.Growth {
		p.add("<td>%d", g.Pictures)
	}
	p.add("</tr><tr><th>right")
	for _, g := range c.Growth {
		p.add("<td>%.1f %%", 100*g.Accuracy)
	}
	p.add("</tr></table>\n")
	if len(c.Duplicates) > 0 {
		p.add("<h2>Nearly the same, counted once</h2>\n")
	}
	for _, burst := range c.Duplicates {
		p.add("<p>%d: ", len(burst))
		for _, file := range burst {
			p.add("%s ", filepath.Base(file))
		}
		p.add("</p>\n")
	}
	if len(c.Unreadable) > 0 {
		p.add("<h2>Not read</h2>\n")
	}
	for _, why := range c.Unreadable {
		p.add("<p>%s</p>\n", why)
	}
	p.add("</html>\n")
}

// thumbnailSide is a thumbnail's longer side, in pixels.
const thumbnailSide = 120

// thumbnail is a picture file made small, as a URL that holds it; nothing if it can't be read.
func thumbnail(ctx context.Context, file string) string {
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
	return "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}

const cardHead = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>%s</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse}
td,th{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}
figure{display:inline-block;margin:.4rem;width:17rem;vertical-align:top;font-size:.85rem}figure img{max-width:8rem;max-height:8rem}
.advice{padding:.8rem;background:#eef4ff;border-left:4px solid #508cff}.warning{padding:.8rem;background:#fff4e0;border-left:4px solid #e09000}
</style>
<h1>%s: %.1f %% right when left out</h1>
<p>Between %.1f and %.1f %%, 19 times of 20. %d pictures,
%d if those that are nearly the same count once. Features: %s of %s. Taught %s UTC.</p>
<p class="advice"><b>What would help most:</b> %s</p>
`
