package teach

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestCardHTML holds that everything is in the page, and that what comes from file names is text in it.
func TestCardHTML(t *testing.T) {
	c := &Card{
		Lesson: "<cats> & \"dogs\"", Taught: time.Unix(0, 0).UTC(), Backbone: "net", Features: "all", Pictures: 7, Bursts: 5,
		Accuracy: 0.875, Low: 0.5, High: 0.99, Advice: "more <cats>",
		Classes:   []ClassCard{{Name: "a<b", Pictures: 3, Bursts: 2, Accuracy: 1, Kept: 0.5, Threshold: 0.25}, {Name: "none"}},
		Confusion: [][]int{{2, 0}, {1, 0}},
		Worst:     []Mistake{{File: "x/<1>.jpg", Shows: "a<b", TakenFor: "none", Score: 0.2, Resembles: "y/2.jpg", Cosine: 0.9}},
		Twins:     [][]string{{"t/<3>.jpg", "t/4.jpg"}}, Duplicates: [][]string{{"d/5.jpg", "d/6.jpg"}},
		Growth: []Growth{{Pictures: 5, Accuracy: 0.75}}, Unreadable: []string{"bad <file>"}, Warnings: []string{"<few>"},
	}
	var b bytes.Buffer
	if err := c.WriteHTML(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"87.5 % right", "Between 50.0 and 99.0 %", "&lt;cats&gt; &amp; &#34;dogs&#34;", "a&lt;b", "0.25", "taken for none", "(20 %)",
		"looks like 2.jpg (0.90)", "&lt;3&gt;.jpg", "2: 5.jpg 6.jpg", "75.0 %", "bad &lt;file&gt;", "rgb(80 140 255/0.80)", "1970-01-01 00:00 UTC",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q isn't in it", want)
		}
	}
	for _, wrong := range []string{"%!", "<cats>", "<few>", "<1>", "{{"} {
		if strings.Contains(text, wrong) {
			t.Errorf("%q is in it", wrong)
		}
	}
}
