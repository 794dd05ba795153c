package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

func manCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "man",
		Short: env.say(lang.Text{EN: "Print the manual page", ES: "Escribir la página de manual"}),
		Long: env.say(lang.Text{
			EN: "man prints flowcorr(1), the manual page with every command and option, as roff.",
			ES: "man escribe flowcorr(1), la página de manual con todas las órdenes y\nopciones, en roff."}),
		Example: `  flowcorr man | man -l -
  flowcorr man > /usr/local/share/man/man1/flowcorr.1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.print(func(w io.Writer) error { return env.manual(w, cmd.Root()) })
		},
	}
}

// manual writes the page in the man macros (groff_man(7)).
func (env *environment) manual(w io.Writer, root *cobra.Command) error {
	out := bufio.NewWriter(w)
	section := func(t lang.Text) { fmt.Fprintf(out, ".SH %s\n", roff(strings.ToUpper(env.say(t)))) }
	fmt.Fprintf(out, ".TH FLOWCORR 1 \"\" \"flowcorr %s\"\n", roff(version()))
	section(lang.Text{EN: "Name", ES: "Nombre"})
	fmt.Fprintf(out, "flowcorr \\- %s\n", roff(lowerFirst(root.Short)))
	section(lang.Text{EN: "Synopsis", ES: "Sinopsis"})
	for i, c := range append([]*cobra.Command{root}, shownCommands(root)...) {
		if i > 0 {
			fmt.Fprintln(out, ".br")
		}
		fmt.Fprintf(out, "%s\n", roff(usageLine(env, c)))
	}
	section(lang.Text{EN: "Description", ES: "Descripción"})
	manText(out, root.Long)
	section(lang.Text{EN: "Commands", ES: "Órdenes"})
	for _, c := range shownCommands(root) {
		fmt.Fprintf(out, ".SS %s\n", roff(usageLine(env, c)))
		text := c.Long
		if text == "" {
			text = c.Short + "."
		}
		manText(out, text)
		for _, f := range groupedFlags(c)[ownOptions] {
			manOption(out, optionName(f), optionHelp(env, f))
		}
		if f := c.Flags().Lookup("format"); f != nil {
			manOption(out, optionName(f), optionHelp(env, f))
		}
		if c.Example != "" {
			fmt.Fprintf(out, ".PP\n.EX\n%s\n.EE\n", roff(c.Example))
		}
	}
	section(lang.Text{EN: "Options", ES: "Opciones"})
	for group := readingOptions; int(group) < len(optionGroups); group++ {
		fmt.Fprintf(out, ".SS %s\n", roff(optionGroups[group].In(env.speaks)))
		for i := range sharedOptions {
			if f := root.Flag(sharedOptions[i].name); f != nil && sharedOptions[i].group == group {
				manOption(out, optionName(f), optionHelp(env, f))
			}
		}
	}
	section(lang.Text{EN: "Exit status", ES: "Estado de salida"})
	manText(out, env.say(exitStatuses))
	return out.Flush()
}

func manOption(w io.Writer, name, text string) {
	fmt.Fprintf(w, ".TP\n\\fB%s\\fR\n%s\n", roff(strings.TrimSpace(name)), roff(text))
}

// manText writes paragraphs; indented lines stand as they are.
func manText(w io.Writer, text string) {
	for i, part := range strings.Split(text, "\n\n") {
		if i > 0 {
			fmt.Fprintln(w, ".PP")
		}
		if strings.HasPrefix(part, "  ") {
			fmt.Fprintf(w, ".EX\n%s\n.EE\n", roff(part))
			continue
		}
		fmt.Fprintf(w, "%s\n", roff(part))
	}
}

// roff escapes what the formatter would take for a request or an escape.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

func lowerFirst(s string) string {
	r := []rune(s)
	return strings.ToLower(string(r[:1])) + string(r[1:])
}
