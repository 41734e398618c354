package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"edge/classifier"
	"edge/decision"
	"edge/frame"
	"edge/mobilenet"
	"edge/model"
)

// runCompletion writes the script by which a shell completes edge's commands and flags.
func runCompletion(_ context.Context, args []string, std streams) error {
	f := newFlags("completion", std)
	if err := parse(f, args); err != nil {
		return err
	}
	shells := map[string]func([]documented) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	if f.NArg() != 1 || shells[f.Arg(0)] == nil {
		return configErrorf("edge completion: bash, zsh or fish")
	}
	_, err := io.WriteString(std.out, shells[f.Arg(0)](documentation()))
	return err
}

// runMan writes the manual page.
func runMan(_ context.Context, args []string, std streams) error {
	if err := parseFlags(newFlags("man", std), args); err != nil {
		return err
	}
	_, err := io.WriteString(std.out, manPage(documentation()))
	return err
}

// documented is a command with its flags.
type documented struct {
	command
	flags []*pflag.Flag
}

// documentation asks each command for its flags, by its own --help.
func documentation() []documented {
	var all []documented
	for _, c := range commands() {
		var list flagList
		_ = c.run(context.Background(), []string{"--help"}, streams{strings.NewReader(""), &list, io.Discard}) // pflag.ErrHelp
		all = append(all, documented{c, list.flags})
	}
	return all
}

// flagList takes a command's flags where people get them as text.
type flagList struct{ flags []*pflag.Flag }

func (l *flagList) Write(p []byte) (int, error) { return len(p), nil }

// helpFor is edge help COMMAND.
func helpFor(ctx context.Context, args []string, std streams) error {
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		return unknownCommand(args[0])
	}
	return all[i].run(ctx, []string{"--help"}, std)
}

// unknownCommand is the error for a command that doesn't exist; it suggests the ones that may be meant.
func unknownCommand(name string) error {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	if near := decision.Nearest(name, names); len(near) > 0 {
		return configErrorf("edge: no command %q: did you mean %s? edge help lists all", name, strings.Join(near, " or "))
	}
	return configErrorf("edge: no command %q: edge help lists them", name)
}

// words are what a flag takes, or what a command does if flag is empty; nil for what anybody may call as they like.
func words(command, flag string) (list []string) {
	switch cmp.Or(flag, "edge "+command) {
	case "leds":
		return ledKinds
	case "fit":
		return frame.FitModes()
	case "rotate":
		return []string{"0", "90", "180", "270"}
	case "normalize":
		return model.NormalizationNames()
	case "kernels":
		return strings.Split(classifier.KernelNames(), ", ")
	case "edge completion":
		return []string{"bash", "zsh", "fish"}
	case "edge record":
		return []string{"export"}
	case "edge model":
		return []string{"list", "get", "verify"}
	case "edge blueprint":
		for _, family := range mobilenet.Families() {
			list = append(list, string(family))
		}
		return list
	}
	return nil
}

func bashCompletion(all []documented) string {
	var b, valued strings.Builder
	var names []string
	for _, d := range all {
		names = append(names, d.name)
	}
	fmt.Fprintf(&b, "# edge completion bash >/etc/bash_completion.d/edge\n_edge() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} flags= words=\n"+
		"\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W '%s help' -- \"$cur\"))\n\t\treturn\n\tfi\n"+
		"\tcase ${COMP_WORDS[1]} in\n", strings.Join(names, " "))
	for _, d := range all {
		var flags []string
		for _, f := range d.flags {
			flags = append(flags, "--"+f.Name)
			if w := words(d.name, f.Name); w != nil {
				fmt.Fprintf(&valued, "\t%s/--%s) words='%s' ;;\n", d.name, f.Name, strings.Join(w, " "))
			}
		}
		if w := words(d.name, ""); w != nil {
			fmt.Fprintf(&valued, "\t%s/%[1]s) words='%s' ;;\n", d.name, strings.Join(w, " "))
		}
		fmt.Fprintf(&b, "\t%s) flags='%s' ;;\n", d.name, strings.Join(append(flags, "--help"), " "))
	}
	fmt.Fprintf(&b, "\thelp) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n\tesac\n"+
		"\t[ \"$cur\" != = ] || cur=\n"+ // bash takes --fit=crop for three words
		"\tlocal before=${COMP_WORDS[COMP_CWORD-1]}\n\t[ \"$before\" != = ] || before=${COMP_WORDS[COMP_CWORD-2]}\n"+
		"\tcase ${COMP_WORDS[1]}/$before in\n%s\tesac\n"+
		"\tif [ -n \"$words\" ]; then\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\t\treturn\n\tfi\n"+
		"\tcase $cur in\n\t-*) COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\")) ;;\n\t*) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n\tesac\n}\n"+
		"complete -o filenames -F _edge edge\n", strings.Join(names, " "), valued.String())
	return b.String()
}

func zshCompletion(all []documented) string {
	quoted := func(text string) string {
		return strings.NewReplacer("'", `'\''`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(text)
	}
	var b strings.Builder
	b.WriteString("#compdef edge\n# edge completion zsh >\"${fpath[1]}/_edge\"\n_edge() {\n\tlocal -a commands\n\tcommands=(\n")
	for _, d := range all {
		fmt.Fprintf(&b, "\t\t'%s:%s'\n", d.name, quoted(d.about))
	}
	b.WriteString("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tcase $words[2] in\n")
	for _, d := range all {
		fmt.Fprintf(&b, "\t%s) _arguments", d.name)
		if w := words(d.name, ""); w != nil {
			fmt.Fprintf(&b, " '2:what:(%s)'", strings.Join(w, " "))
		}
		b.WriteString(" '*:file:_files'")
		for _, f := range d.flags {
			name, about := pflag.UnquoteUsage(f)
			if name == "" {
				fmt.Fprintf(&b, " \\\n\t\t'--%s[%s]'", f.Name, quoted(about))
			} else {
				takes := "_files"
				if w := words(d.name, f.Name); w != nil {
					takes = "(" + strings.Join(w, " ") + ")"
				}
				fmt.Fprintf(&b, " \\\n\t\t'--%s=[%s]:%s:%s'", f.Name, quoted(about), quoted(name), takes)
			}
		}
		b.WriteString(" ;;\n")
	}
	b.WriteString("\tesac\n}\n_edge \"$@\"\n")
	return b.String()
}

func fishCompletion(all []documented) string {
	quoted := func(text string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'" }
	var b strings.Builder
	b.WriteString("# edge completion fish >~/.config/fish/completions/edge.fish\n")
	for _, d := range all {
		fmt.Fprintf(&b, "complete -c edge -n __fish_use_subcommand -f -a %s -d %s\n", d.name, quoted(d.about))
		if w := words(d.name, ""); w != nil {
			fmt.Fprintf(&b, "complete -c edge -n '__fish_seen_subcommand_from %s' -f -a '%s'\n", d.name, strings.Join(w, " "))
		}
		for _, f := range d.flags {
			name, about := pflag.UnquoteUsage(f)
			needs := ""
			if name != "" {
				needs = " -r"
			}
			if w := words(d.name, f.Name); w != nil {
				needs = " -x -a '" + strings.Join(w, " ") + "'"
			}
			fmt.Fprintf(&b, "complete -c edge -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n", d.name, f.Name, needs, quoted(about))
		}
	}
	return b.String()
}

func manPage(all []documented) string {
	text := func(s string) string {
		s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
		if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
			s = `\&` + s
		}
		return s
	}
	var b strings.Builder
	fmt.Fprintf(&b, ".TH EDGE 1 \"\" \"edge %s\"\n.SH NAME\nedge \\- watch a camera, recognise what it sees, and switch LEDs\n"+
		".SH SYNOPSIS\n.B edge\n.I COMMAND\n[FLAGS]\n.SH COMMANDS\n", text(version))
	for _, d := range all {
		fmt.Fprintf(&b, ".SS edge %s %s\n%s.\n", text(d.name), text(d.usage), text(strings.ToUpper(d.about[:1])+d.about[1:]))
		for _, f := range d.flags {
			name, about := pflag.UnquoteUsage(f)
			flag := `\-\-` + text(f.Name)
			if f.Shorthand != "" {
				flag = `\-` + f.Shorthand + ", " + flag
			}
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR \\fI%s\\fR\n%s\n", flag, text(name), text(about))
		}
	}
	b.WriteString(".SH FILES\n.TP\n/etc/edge/edge.yaml\nThe configuration; edge check\\-config says what it means.\n" +
		".SH EXIT STATUS\n0 if all went well, 78 if a person must mend the configuration, the command line or a file that it names, 1 for all else that fails.\n")
	return b.String()
}
