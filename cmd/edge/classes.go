package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"edge/decision"
)

// runClasses lists what a network tells apart: all classes, or those that a word, a pattern, a group or a range picks, as
// classes: in the configuration does.
func runClasses(_ context.Context, args []string, std streams) error {
	var n networkFlags
	f := newFlags("classes", std)
	n.addModel(f)
	n.addLabels(f)
	asJSON := f.Bool("json", false, "print one JSON object a line")
	if err := parse(f, args); err != nil {
		return err
	}
	n.Threads = 1
	net, err := n.open()
	if err != nil {
		return err
	}
	defer net.Close()
	list, groups, err := search(net.Output, strings.Join(f.Args(), " "))
	if err != nil {
		return configErrorf("edge classes: %s: %v", net.Name(), err)
	}
	if *asJSON {
		return writeClasses(std.out, list, net.Output)
	}
	return printClasses(std.out, list, groups, net.Output)
}

// search finds what a person may mean by words: the classes that the configuration would take by them, or else those that
// have them somewhere in their names; and the groups whose names have them. No words are all classes and groups.
func search(o decision.Output, words string) (classes []int, groups []string, err error) {
	words = strings.ToLower(strings.TrimSpace(words))
	for name := range o.Groups {
		if strings.Contains(name, strings.TrimPrefix(words, "any ")) || words == "any" {
			groups = append(groups, name)
		}
	}
	slices.Sort(groups)
	for class := range o.Classes {
		if words != "any" && strings.Contains(strings.ToLower(o.ClassName(class)), words) {
			classes = append(classes, class)
		}
	}
	exact, err := o.Find(decision.ClassName(words))
	if index, notIndex := strconv.Atoi(words); err != nil && notIndex == nil {
		exact, err = o.Find(decision.ClassIndex(index))
	}
	if err == nil && words != "" && len(exact) > len(classes) {
		classes = exact
	}
	if len(classes) > 0 || len(groups) > 0 {
		return classes, groups, nil
	}
	return nil, nil, err
}

func printClasses(out io.Writer, classes []int, groups []string, o decision.Output) error {
	l := &lines{out: out}
	for _, class := range classes {
		l.add("%4d  %s\n", class, o.ClassName(class))
	}
	for _, name := range groups {
		l.add("any %s: %d classes\n", name, len(o.Groups[name]))
	}
	return l.err
}

// classLine is what edge classes --json prints.
type classLine struct {
	Index  int      `json:"index"`
	Label  string   `json:"label"`
	Groups []string `json:"groups,omitempty"` // whose classes it is one of: "dog" for any dog
}

func writeClasses(out io.Writer, classes []int, o decision.Output) error {
	for _, class := range classes {
		c := classLine{Index: class, Label: o.ClassName(class)}
		for name, members := range o.Groups {
			if slices.Contains(members, class) {
				c.Groups = append(c.Groups, name)
			}
		}
		slices.Sort(c.Groups)
		if err := writeJSON(out, c, ""); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	return nil
}
