package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

// help writes what a command does, how it is called, and its options by what
// they are about.
func (env *environment) help(cmd *cobra.Command) {
	opt := env.textOptions(env.speaks, env.out)
	var b strings.Builder
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(&b, "%s\n\n%s:\n  %s\n", text, env.say(lang.Text{EN: "Usage", ES: "Uso"}), usageLine(env, cmd))
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\n%s:\n%s\n", env.say(lang.Text{EN: "Examples", ES: "Ejemplos"}), cmd.Example)
	}
	if commands := shownCommands(cmd); len(commands) > 0 {
		fmt.Fprintf(&b, "\n%s:\n", env.say(lang.Text{EN: "Commands", ES: "Órdenes"}))
		for _, c := range commands {
			fmt.Fprintf(&b, "  %-11s %s\n", c.Name(), c.Short)
		}
	}
	fmt.Fprint(env.out, render.Reflow(b.String(), opt.Width))
	for group, flags := range groupedFlags(cmd) {
		if len(flags) == 0 {
			continue
		}
		fmt.Fprintf(env.out, "\n%s:\n", optionGroups[group].In(env.speaks))
		for _, f := range flags {
			env.optionLines(f, cmp.Or(opt.Width, 100))
		}
	}
	if !cmd.HasParent() {
		fmt.Fprintf(env.out, "\n%s\n", render.Reflow(env.say(exitStatuses), opt.Width))
	}
}

// optionLines writes an option and beside it, or where there is no room below
// it, what it does.
func (env *environment) optionLines(f *pflag.Flag, width int) {
	const column = 28
	name, indent := optionName(f), column
	beside := len([]rune(name)) < column-2 && width >= 60
	if width < 60 {
		indent = 10
	}
	text := render.Wrap(optionHelp(env, f), strings.Repeat(" ", indent), width)
	if beside {
		fmt.Fprintf(env.out, "  %s%s%s\n", name, strings.Repeat(" ", column-2-len([]rune(name))), strings.TrimLeft(text, " "))
		return
	}
	fmt.Fprintf(env.out, "  %s\n%s\n", name, text)
}

// exitStatuses is the contract with scripts.
var exitStatuses = lang.Text{
	EN: `Exit status: 0 done; 1 done, with findings at or above --fail-on (report, render
and watch: error, unless told otherwise); 2 wrong usage; 3 no usable input, or an
output could not be written; 4 done, but with --strict a file was damaged or not
understood; 130 interrupted (batch goes on from there; watch ends with its report,
and 0 or 1).`,
	ES: `Estado de salida: 0 hecho; 1 hecho, con hallazgos de la gravedad de --fail-on o
más (report, render y watch: error, si falta); 2 mal uso; 3 sin pruebas que se
puedan usar, o no se pudo escribir una salida; 4 hecho, pero con --strict un
archivo estaba dañado o no se entendió; 130 interrumpido (batch sigue desde ahí;
watch acaba con su informe, y 0 o 1).`,
}

// usageLine is how the command is called.
func usageLine(env *environment, cmd *cobra.Command) string {
	line := cmd.UseLine()
	if cmd.HasParent() {
		line = cmd.Parent().Name() + " " + cmd.Use
	}
	line = strings.TrimSuffix(line, " [flags]")
	return line + env.say(lang.Text{EN: " [options]", ES: " [opciones]"})
}

func shownCommands(cmd *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			out = append(out, c)
		}
	}
	return out
}

// groupedFlags are a command's options by group, its own and inherited ones.
func groupedFlags(cmd *cobra.Command) [][]*pflag.Flag {
	out := make([][]*pflag.Flag, len(optionGroups))
	cmd.InheritedFlags() // merges those of the root
	order := map[string]int{}
	for i := range sharedOptions {
		order[sharedOptions[i].name] = i
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		group := ownOptions
		if g := f.Annotations[groupNote]; len(g) == 1 {
			group = optionGroup(g[0][0] - '0')
		}
		out[group] = append(out[group], f)
	})
	return out
}

func argumentOf(f *pflag.Flag) string {
	if a := f.Annotations[argumentNote]; len(a) == 1 {
		return a[0]
	}
	return ""
}

// optionName is an option as it is typed.
func optionName(f *pflag.Flag) string {
	name := "    --" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", --" + f.Name
	}
	if a := argumentOf(f); a != "" {
		name += " " + a
	}
	return name
}

// optionHelp says what an option does, with its default.
func optionHelp(env *environment, f *pflag.Flag) string {
	text := f.Usage
	switch f.DefValue {
	case "", "false", "[]", "0s", "0":
	default:
		text += env.say(lang.Text{EN: " (default: %s)", ES: " (si falta: %s)"}, f.DefValue)
	}
	return text
}

func helpCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   env.say(lang.Text{EN: "help [COMMAND]", ES: "help [ORDEN]"}),
		Short: env.say(lang.Text{EN: "Show the help of a command", ES: "Mostrar la ayuda de una orden"}),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				env.help(cmd.Root())
				return nil
			}
			found, _, err := cmd.Root().Find(args)
			if err != nil || found == cmd.Root() {
				return &usageError{env.say(lang.Text{EN: "there is no command %q", ES: "no hay ninguna orden %q"}, args[0]), env.suggestion(cmd.Root(), args[0])}
			}
			env.help(found)
			return nil
		},
	}
}

// bareBash lets the completion work where the package bash-completion is not
// there, which the script asks for the words of the line.
const bareBash = `if ! declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref() {
        words=("${COMP_WORDS[@]}")
        cword=$COMP_CWORD
        cur=${COMP_WORDS[COMP_CWORD]}
        prev=${COMP_WORDS[COMP_CWORD-1]}
    }
fi
`

func completionCommand(env *environment) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: env.say(lang.Text{EN: "Print completions for bash, zsh, fish or powershell", ES: "Escribir el autocompletado de bash, zsh, fish o powershell"}),
		Example: `  source <(flowcorr completion bash)
  flowcorr completion fish > ~/.config/fish/completions/flowcorr.fish`,
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				switch args[0] {
				case "bash":
					if _, err := io.WriteString(env.out, bareBash); err != nil {
						return err
					}
					return cmd.Root().GenBashCompletionV2(env.out, true)
				case "zsh":
					return cmd.Root().GenZshCompletion(env.out)
				case "fish":
					return cmd.Root().GenFishCompletion(env.out, true)
				case "powershell":
					return cmd.Root().GenPowerShellCompletionWithDesc(env.out)
				}
			}
			return &usageError{env.say(lang.Text{EN: "completion takes the name of a shell", ES: "completion toma el nombre de un intérprete"}), env.say(lang.Text{EN: "use %s", ES: "use %s"}, env.either(shells))}
		},
	}
}
