package decision

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// resolve returns the indices of the classes that an LED at a place in the Config is about, each once.
func (l *LED) resolve(at Place, o Output) ([]int, []Problem) {
	var indices []int
	var problems []Problem
	for i, c := range l.Classes {
		found, wrong := c.resolve(o.Classes, o.Labels)
		if wrong != "" {
			text := fmt.Sprintf("led %q: class %v: %s", l.Name, c, wrong)
			problems = append(problems, Problem{at.element(FieldClasses, i), text})
		}
		indices = append(indices, found...)
	}
	slices.Sort(indices)
	return slices.Compact(indices), problems
}

// resolve returns the indices of the classes that c picks, or what is wrong with it.
func (c Class) resolve(classes int, labels []string) ([]int, string) {
	switch {
	case c.Name == "" && (c.Index < 0 || c.Index >= classes):
		return nil, fmt.Sprintf("the network has the classes 0 to %d", classes-1)
	case c.Name == "":
		return []int{c.Index}, ""
	case len(labels) == 0:
		return nil, "the network has no labels: give it a file of labels, or choose by index"
	case strings.ContainsAny(c.Name, "*?"):
		return resolvePattern(c.Name, labels)
	}
	return resolveName(c.Name, labels)
}

// resolveName finds the one class with the name. A whole label goes before a part of one: "maillot" is the class of
// that label, although another is "maillot, tank suit".
func resolveName(name string, labels []string) ([]int, string) {
	whole := find(labels, func(label string) bool { return strings.EqualFold(label, name) })
	found := whole
	if len(found) == 0 {
		found = find(labels, func(label string) bool {
			return slices.ContainsFunc(parts(label), func(part string) bool { return strings.EqualFold(part, name) })
		})
	}
	switch len(found) {
	case 0:
		return nil, "no class has this name" + didYouMean(nearestLabels(name, labels))
	case 1:
		return found, ""
	}
	return nil, fmt.Sprintf("%d classes have this name: choose by index, of %s", len(found), list(found, 10))
}

func resolvePattern(pattern string, labels []string) ([]int, string) {
	pattern = strings.ToLower(pattern)
	found := find(labels, func(label string) bool {
		label = strings.ToLower(label)
		return match(pattern, label) ||
			slices.ContainsFunc(parts(label), func(part string) bool { return match(pattern, part) })
	})
	if len(found) == 0 {
		return nil, "no class fits this pattern"
	}
	return found, ""
}

func find(labels []string, fits func(string) bool) []int {
	var found []int
	for i, label := range labels {
		if fits(label) {
			found = append(found, i)
		}
	}
	return found
}

// parts are the names that a label lists: "tench, Tinca tinca" has two.
func parts(label string) []string {
	names := strings.Split(label, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// match says whether all of s fits the pattern, where * stands for any characters and ? for one byte. It takes at most
// len(pattern)·len(s) steps: after a mismatch only the last * is tried again, one character further.
func match(pattern, s string) bool {
	p, i := 0, 0
	star, from := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// nearestLabels suggests labels for a name: those in which it is a word ("cat": "Egyptian cat"), else names spelled
// like it.
func nearestLabels(name string, labels []string) []string {
	words := func(text string) string {
		isSeparator := func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsNumber(c) }
		return " " + strings.Join(strings.FieldsFunc(strings.ToLower(text), isSeparator), " ") + " "
	}
	wanted := words(name)
	var near, names []string
	for _, label := range labels {
		if wanted != "  " && strings.Contains(words(label), wanted) {
			near = append(near, label)
		}
		names = append(names, parts(label)...)
	}
	if len(near) == 0 {
		near = Nearest(name, names)
	}
	return near[:min(3, len(near))]
}

// Nearest returns up to three of the words that are spelled most like word, the nearest first; none where all are far.
func Nearest(word string, words []string) []string {
	const longest = 64 // more is no slip of the fingers, and costs time
	if len(word) > longest {
		return nil
	}
	type candidate struct {
		word     string
		distance int
	}
	var near []candidate
	for _, w := range words {
		if len(w) > longest {
			continue
		}
		if d := editDistance(strings.ToLower(word), strings.ToLower(w)); d <= max(1, len(word)/3) {
			near = append(near, candidate{w, d})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int {
		return cmp.Or(a.distance-b.distance, strings.Compare(a.word, b.word))
	})
	near = slices.Compact(near)
	var out []string
	for _, c := range near[:min(3, len(near))] {
		out = append(out, c.word)
	}
	return out
}

// editDistance is how many characters to insert, delete or replace to make b of a (Levenshtein), by rows of the table.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// didYouMean makes a suggestion of words, or nothing of none.
func didYouMean(words []string) string {
	if len(words) == 0 {
		return ""
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	return ": did you mean " + strings.Join(quoted, " or ") + "?"
}

// list writes numbers for a person, the first few of them.
func list(numbers []int, most int) string {
	var b strings.Builder
	for i, n := range numbers[:min(most, len(numbers))] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, n)
	}
	if len(numbers) > most {
		b.WriteString(", …")
	}
	return b.String()
}

func keys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
