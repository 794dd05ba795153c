package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/flowcorr/flowcorr/internal/near"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

// usageError is a mistake in how the program was called, with what to do.
type usageError struct {
	text, hint string
}

func (e *usageError) Error() string { return e.text }

// errWrite marks a failure to write an output.
var errWrite = errors.New("cannot write")

// explain prints an error with its hint and returns the exit status.
func (env *environment) explain(err error) int {
	text, hint, status := err.Error(), "", exitUsage
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		text, hint = usage.text, usage.hint
		if errors.Is(err, errWrite) {
			text, status = err.Error(), exitNoInput
		}
		if errors.Is(err, incident.ErrNoInput) {
			status = exitNoInput
		}
	case errors.Is(err, incident.ErrNoInput):
		status = exitNoInput
		hint = env.say(lang.Text{
			EN: "give a folder or files: captures (.pcap, .pcapng), server logs, the output of curl, dig, ssh -vvv or chronyc; flowcorr detect PATH… tells what each file was taken for",
			ES: "dé una carpeta o archivos: capturas (.pcap, .pcapng), registros de servidores, lo que escriben curl, dig, ssh -vvv o chronyc; flowcorr detect RUTA… dice por qué se tomó cada archivo"})
	case errors.Is(err, errWrite):
		status = exitNoInput
		hint = env.say(lang.Text{EN: "look at the folder's permissions and free space", ES: "mire los permisos y el espacio libre de la carpeta"})
	default:
		hint = env.say(lang.Text{EN: "flowcorr --help lists commands and options", ES: "flowcorr --help enumera órdenes y opciones"})
	}
	fmt.Fprintf(env.diag, "flowcorr: %s\n", render.Printable(render.Phrase(text, env.speaks)))
	if hint != "" {
		env.hint(hint)
	}
	return status
}

// flagError says what is wrong with an option, and which one is the nearest.
func (env *environment) flagError(cmd *cobra.Command, err error) error {
	hint := env.say(lang.Text{EN: "%s --help lists the options", ES: "%s --help enumera las opciones"}, cmd.CommandPath())
	var missing *pflag.NotExistError
	var valueless *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	var malformed *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &missing):
		name := missing.GetSpecifiedName()
		if missing.GetSpecifiedShortnames() != "" {
			return &usageError{env.say(lang.Text{EN: "there is no option -%s", ES: "no existe la opción -%s"}, name), hint}
		}
		var all []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { all = append(all, f.Name) })
		if takers := commandsWith(cmd.Root(), name); len(takers) > 0 {
			text := env.say(lang.Text{EN: "%s does not take --%s", ES: "%s no admite --%s"}, cmd.CommandPath(), name)
			return &usageError{text, env.notTaken(cmd, name, takers)}
		}
		if like := near.Word(name, all); like != "" {
			hint = env.say(lang.Text{EN: "did you mean --%s?", ES: "¿quiso decir --%s?"}, like)
		}
		return &usageError{env.say(lang.Text{EN: "there is no option --%s", ES: "no existe la opción --%s"}, name), hint}
	case errors.As(err, &valueless):
		return &usageError{env.say(lang.Text{EN: "--%s needs a value", ES: "--%s necesita un valor"}, valueless.GetFlag().Name), valueHint(env, valueless.GetFlag(), hint)}
	case errors.As(err, &bad):
		return &usageError{env.say(lang.Text{EN: "--%s %s: not a value it takes", ES: "--%s %s: no es un valor válido"}, bad.GetFlag().Name, bad.GetValue()), valueHint(env, bad.GetFlag(), hint)}
	case errors.As(err, &malformed):
		return &usageError{env.say(lang.Text{EN: "%s is not how an option is written", ES: "%s: así no se escribe una opción"}, malformed.GetSpecifiedFlag()), hint}
	}
	return &usageError{err.Error(), hint}
}

// valueHint is an option's own explanation.
func valueHint(env *environment, f *pflag.Flag, otherwise string) string {
	if f.Usage == "" {
		return otherwise
	}
	return fmt.Sprintf("--%s %s: %s", f.Name, argumentOf(f), f.Usage)
}

// notTaken says why a command does not take an option of others, where there is
// more to say than which ones do.
func (env *environment) notTaken(cmd *cobra.Command, option string, takers []string) string {
	for _, n := range notTaken {
		if n.command == cmd.Name() && slices.Contains(n.options, option) {
			return env.say(n.why)
		}
	}
	return env.say(lang.Text{EN: "%s: these take it; %s --help lists what %s takes", ES: "%s: la admiten; %s --help enumera las de %s"},
		strings.Join(takers, ", "), cmd.CommandPath(), cmd.CommandPath())
}

// notTaken are options that somebody may look for where they would change
// nothing, with the reason.
var notTaken = []struct {
	command string
	options []string
	why     lang.Text
}{
	{"extract", []string{"redact"}, lang.Text{EN: "extract copies packets and lines as they are; to share what names nobody: flowcorr report --redact", ES: "extract copia paquetes y líneas como son; para compartir lo que no nombra a nadie: flowcorr report --redact"}},
	{"flows", []string{"rule", "severity", failOn, "baseline"}, lang.Text{EN: "flows prints what captures hold, without a diagnosis; flowcorr report makes one", ES: "flows escribe lo que hay en las capturas, sin diagnóstico; flowcorr report lo hace"}},
	{"flows", []string{"case", "tz", "offset", "reference", "no-correct"}, lang.Text{EN: "flows prints stamps as captured, of one clock each; flowcorr timeline corrects them", ES: "flows escribe las marcas como se capturaron, cada una de su reloj; flowcorr timeline las corrige"}},
	{"events", []string{"rule", "severity", failOn, "baseline"}, lang.Text{EN: "events prints what logs hold, without a diagnosis; flowcorr report makes one", ES: "events escribe lo que hay en los registros, sin diagnóstico; flowcorr report lo hace"}},
	{"events", []string{"offset", "reference", "no-correct"}, lang.Text{EN: "events prints stamps as written; flowcorr timeline corrects them", ES: "events escribe las marcas como están; flowcorr timeline las corrige"}},
	{"events", []string{"keylog", "service"}, lang.Text{EN: "events reads logs, not packets; flowcorr flows reads captures", ES: "events lee registros, no paquetes; flowcorr flows lee capturas"}},
	{"render", []string{"case", "keylog", "tz", "jobs", "offset", "reference", "baseline", "no-correct"}, lang.Text{EN: "render reads a finished report, not the evidence; give it to flowcorr report", ES: "render lee un informe hecho, no las pruebas; désela a flowcorr report"}},
	{"check", []string{"since", "until", "around", "window", "client", "server", "name", "service", "min-total", "rule", "severity"}, lang.Text{EN: "the checklist is of all the evidence together; flowcorr report shows a part of the incident", ES: "la lista de comprobación es de todas las pruebas juntas; flowcorr report muestra una parte del incidente"}},
	{"watch", []string{"since", "until", "around"}, lang.Text{EN: "watch looks at what arrived lately (--window); flowcorr report looks at a stretch of time", ES: "watch mira lo que llegó hace poco (--window); flowcorr report mira un periodo"}},
	{"extract", []string{"output", "format"}, lang.Text{EN: "the result is a folder: --out FOLDER", ES: "el resultado es una carpeta: --out CARPETA"}},
}

// commandsWith names the commands that take an option.
func commandsWith(root *cobra.Command, option string) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.Flags().Lookup(option) != nil {
			names = append(names, c.Name())
		}
	}
	return names
}

// checkChoices refuses words that an option does not know before any work is
// done, and runs the options' own checks.
func (env *environment) checkChoices(cmd *cobra.Command) error {
	if f := cmd.Flags().Lookup(failOn); f != nil && !f.Changed {
		env.options.failOn = f.DefValue // commands share the value, not what it is without the option
	}
	var wrong error
	env.given = map[string]bool{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		env.given[f.Name] = true
		allowed := f.Annotations[choicesNote]
		if wrong != nil || len(allowed) == 0 {
			return
		}
		words := []string{f.Value.String()}
		if many, ok := f.Value.(pflag.SliceValue); ok {
			words = many.GetSlice()
		}
		for _, word := range words {
			if slices.Contains(allowed, word) {
				continue
			}
			hint := env.say(lang.Text{EN: "use %s", ES: "use %s"}, env.either(allowed))
			if like := near.Word(word, allowed); like != "" {
				hint = env.say(lang.Text{EN: "did you mean %s? It takes %s", ES: "¿quiso decir %s? Admite %s"}, like, env.either(allowed))
			}
			text := lang.Text{EN: "--%s %s: no such choice", ES: "--%s %s: no es una de las opciones"}
			wrong = &usageError{env.say(text, f.Name, word), hint}
			return
		}
	})
	if wrong != nil {
		return wrong
	}
	for i := range sharedOptions {
		o := &sharedOptions[i]
		if f := cmd.Flags().Lookup(o.name); f == nil || !f.Changed || o.check == nil || f.Usage != o.help.In(env.speaks) {
			continue // the last: of another meaning here
		}
		if err := o.check(env); err != nil {
			return err
		}
	}
	return nil
}

// refuseGiven refuses the options of some groups, and others by name, where they
// would change nothing.
func (env *environment) refuseGiven(why, hint lang.Text, groups []optionGroup, others ...string) error {
	for i := range sharedOptions {
		o := &sharedOptions[i]
		if env.given[o.name] && (slices.Contains(groups, o.group) || slices.Contains(others, o.name)) {
			return &usageError{"--" + o.name + ": " + env.say(why), env.say(hint)}
		}
	}
	return nil
}

// hintMissing names, for each path that does not exist, the nearest that does.
func (env *environment) hintMissing(paths []string) {
	for _, p := range paths {
		if p == "-" {
			continue
		}
		if _, err := os.Stat(p); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		near := nearestFile(p)
		if near != "" {
			env.hint(env.say(lang.Text{EN: "there is no %s; did you mean %s?", ES: "no existe %s; ¿quiso decir %s?"}, p, near))
		}
	}
}

// nearestFile is the file beside a missing path whose name is the nearest.
func nearestFile(path string) string {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	like := near.Word(filepath.Base(path), names)
	if like == "" {
		return ""
	}
	return filepath.Join(dir, like)
}

// hint says what may help, on standard error.
func (env *environment) hint(text string) {
	fmt.Fprintf(env.diag, "%s: %s\n", env.say(lang.Text{EN: "hint", ES: "sugerencia"}), render.Printable(text))
}
