package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

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
		fmt.Fprintf(env.diag, "hint: %s\n", render.Printable(hint))
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
		if name == "redact" && cmd.Name() == "extract" {
			hint = env.say(lang.Text{EN: "extract copies packets and lines as they are; to share what names nobody: flowcorr report --redact", ES: "extract copia paquetes y líneas como son; para compartir lo que no nombra a nadie: flowcorr report --redact"})
		} else if like := near.Word(name, all); like != "" {
			hint = env.say(lang.Text{EN: "did you mean --%s?", ES: "¿quiso decir --%s?"}, like)
		} else if home := commandWith(cmd.Root(), name); home != "" {
			hint = env.say(lang.Text{EN: "%s takes it; %s --help lists what %s takes", ES: "la admite %s; %s --help enumera las de %s"}, home, cmd.CommandPath(), cmd.CommandPath())
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

// commandWith names the first command that takes an option.
func commandWith(root *cobra.Command, option string) string {
	for _, c := range root.Commands() {
		if c.Flags().Lookup(option) != nil {
			return c.CommandPath()
		}
	}
	return ""
}

// checkChoices refuses words that an option does not know before any work is
// done, and runs the options' own checks.
func (env *environment) checkChoices(cmd *cobra.Command) error {
	var wrong error
	cmd.Flags().Visit(func(f *pflag.Flag) {
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
		if f := cmd.Flags().Lookup(o.name); f == nil || !f.Changed || o.check == nil {
			continue
		}
		if err := o.check(env); err != nil {
			return err
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
			fmt.Fprintf(env.diag, "hint: %s\n", render.Printable(env.say(lang.Text{EN: "there is no %s; did you mean %s?", ES: "no existe %s; ¿quiso decir %s?"}, p, near)))
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
