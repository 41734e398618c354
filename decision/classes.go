package decision

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// resolve returns the indices of the classes that an LED at a place in the Config is about, each once.
func (l *LED) resolve(at Place, o Output) ([]int, []Problem) {
	var indices []int
	var problems []Problem
	for i, c := range l.Classes {
		found, wrong := c.resolve(o)
		if wrong != "" {
			text := fmt.Sprintf("led %q: class %v: %s", l.Name, c, wrong)
			problems = append(problems, Problem{at.element(FieldClasses, i), text})
		}
		indices = append(indices, found...)
	}
	slices.Sort(indices)
	return slices.Compact(indices), problems
}

// Find returns the indices of the classes that c picks, in rising order, or an error that says what is wrong with it.
func (o Output) Find(c Class) ([]int, error) {
	found, wrong := c.resolve(o)
	if wrong != "" {
		return nil, fmt.Errorf("class %v: %s", c, wrong)
	}
	return found, nil
}

// resolve returns the indices of the classes that c picks, or what is wrong with it. A class that is yet to be taught has no
// index: nothing is picked, and nothing is wrong.
func (c Class) resolve(o Output) ([]int, string) {
	found, wrong := c.now(o)
	isLater := func(later string) bool {
		return strings.EqualFold(later, c.Name) || match(strings.ToLower(c.Name), strings.ToLower(later), false)
	}
	if wrong != "" && c.Name != "" && slices.ContainsFunc(o.Later, isLater) {
		return nil, ""
	}
	return found, wrong
}

// now is resolve for what the network has been taught already. A label goes before all else that a name may mean.
func (c Class) now(o Output) ([]int, string) {
	isName := func(label string) bool { return strings.EqualFold(label, c.Name) }
	group, isGroup := cutAny(c.Name)
	from, to, isRange := cutRange(c.Name)
	switch {
	case c.Name == "" && (c.Index < 0 || c.Index >= o.Classes):
		return nil, fmt.Sprintf("the network has the classes 0 to %d", o.Classes-1)
	case c.Name == "":
		// Who taught the classes "1" and "2" and wrote 2 meant the name, and would get another class without a word.
		number := strconv.Itoa(c.Index)
		if i := slices.Index(o.Labels, number); i >= 0 && i != c.Index {
			return nil, fmt.Sprintf("this is an index, but class %d has it as its name: write %q, in quotes, for the name, "+
				"or %s-%s for the index", i, number, number, number)
		}
		return []int{c.Index}, ""
	case isRange && !slices.ContainsFunc(o.Labels, isName):
		return resolveRange(from, to, o.Classes)
	case len(o.Labels) == 0:
		return nil, "the network has no labels: give it a file of labels, or choose by index"
	case strings.ContainsAny(c.Name, "*?"):
		return resolvePattern(c.Name, o.Labels)
	case isGroup && !slices.ContainsFunc(o.Labels, isName):
		return resolveGroup(group, o.Groups)
	}
	return resolveName(c.Name, o)
}

// cutAny takes the name of a group out of "any dog".
func cutAny(name string) (group string, ok bool) {
	first, rest, found := strings.Cut(strings.TrimSpace(name), " ")
	return strings.ToLower(strings.TrimSpace(rest)), found && strings.EqualFold(first, "any")
}

// cutRange reads "151-268", the first class and the last.
func cutRange(name string) (from, to int, ok bool) {
	first, last, found := strings.Cut(name, "-")
	from, err1 := strconv.Atoi(strings.TrimSpace(first))
	to, err2 := strconv.Atoi(strings.TrimSpace(last))
	return from, to, found && err1 == nil && err2 == nil
}

func resolveRange(from, to, classes int) ([]int, string) {
	switch {
	case from > to:
		return nil, "a range begins with the lower index"
	case from < 0 || to >= classes:
		return nil, fmt.Sprintf("the network has the classes 0 to %d", classes-1)
	}
	var all []int
	for i := from; i <= to; i++ {
		all = append(all, i)
	}
	return all, ""
}

func resolveGroup(group string, groups map[string][]int) ([]int, string) {
	found := groups[group]
	switch {
	case len(groups) == 0:
		return nil, "the network's classes are none of those that have groups: name them, or give a range such as 3-7"
	case len(found) == 0:
		return nil, "no class of the network is in such a group" + didYouMean(prefixed("any ", Nearest(group, keys(groups))))
	}
	return found, ""
}

func prefixed(prefix string, words []string) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = prefix + w
	}
	return all
}

// resolveName finds the one class with the name. A whole label goes before a part of one: "maillot" is the class of
// that label, although another is "maillot, tank suit".
func resolveName(name string, o Output) ([]int, string) {
	labels := o.Labels
	whole := find(labels, func(label string) bool { return strings.EqualFold(label, name) })
	found := whole
	if len(found) == 0 {
		found = find(labels, func(label string) bool {
			return slices.ContainsFunc(parts(label), func(part string) bool { return strings.EqualFold(part, name) })
		})
	}
	switch len(found) {
	case 0:
		near := nearestLabels(name, slices.Concat(labels, o.Later))
		if len(o.Groups[strings.ToLower(name)]) > 0 {
			near = append([]string{"any " + strings.ToLower(name)}, near...)
		}
		return nil, "no class has this name" + didYouMean(near[:min(3, len(near))])
	case 1:
		return found, ""
	}
	return nil, fmt.Sprintf("%d classes have this name: choose by index, of %s", len(found), list(found, 10))
}

// resolvePattern finds the classes that a pattern fits, whole words first: "*cat*" is every label with the word cat, not
// oystercatcher. Only if no label has these words, parts of words count: "straw*" is strawberry.
func resolvePattern(pattern string, labels []string) ([]int, string) {
	pattern = strings.ToLower(pattern)
	for _, words := range []bool{true, false} {
		found := find(labels, func(label string) bool {
			label = strings.ToLower(label)
			return match(pattern, label, words) ||
				slices.ContainsFunc(parts(label), func(part string) bool { return match(pattern, part, words) })
		})
		if len(found) > 0 {
			return found, ""
		}
	}
	return nil, "no class fits this pattern"
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

// match reports whether all of text fits the pattern, in which * stands for any characters and ? for one. With words, the text
// that the pieces between the stars take begins and ends where words do.
//
// The pieces are looked for from left to right, each as early as it can be, since a later place would leave less for those
// after it. So it takes at most len(pattern)·len(text) steps.
func match(pattern, text string, words bool) bool {
	pieces := strings.Split(pattern, "*")
	all := []rune(text)
	at := 0
	for i, p := range pieces {
		piece := []rune(p)
		from, to := at, len(all)-len(piece) // where it may begin
		if i == 0 {
			to = min(to, 0)
		}
		if i == len(pieces)-1 {
			from = max(from, len(all)-len(piece))
		}
		is := func(from int) bool { return fits(piece, all[from:]) && (!words || ofWords(all, from, from+len(piece))) }
		for from <= to && !is(from) {
			from++
		}
		if from > to {
			return false
		}
		at = from + len(piece)
	}
	return true
}

// fits reports whether text begins with a piece of a pattern without stars.
func fits(piece, text []rune) bool {
	for i, c := range piece {
		if c != '?' && c != text[i] {
			return false
		}
	}
	return true
}

// ofWords reports whether a piece of a text begins and ends where words do.
func ofWords(text []rune, from, to int) bool {
	splits := func(at int) bool { return at > 0 && at < len(text) && inWord(text[at-1]) && inWord(text[at]) }
	return from == to || !splits(from) && !splits(to)
}

func inWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }

// nearestLabels suggests labels for a name: those in which it is a word ("cat": "Egyptian cat"), else names spelled
// like it.
func nearestLabels(name string, labels []string) []string {
	words := func(text string) string {
		isSeparator := func(c rune) bool { return !inWord(c) }
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

// Nearest returns up to three of the words that are spelled most like word, the nearest first; none if all are far.
func Nearest(word string, words []string) []string {
	const longest = 64 // anything longer is no typing error, and costs time
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

// editDistance returns how many characters to insert, delete or replace to turn a into b (Levenshtein), row by row of the
// table.
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

// didYouMean turns words into a suggestion; no words give an empty one.
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

func keys[V any](set map[string]V) []string { return slices.Sorted(maps.Keys(set)) }
