package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

func renderCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render report.json",
		Short: env.say(lang.Text{EN: "Turn a saved report into another form", ES: "Pasar un informe guardado a otra forma"}),
		Long: env.say(lang.Text{
			EN: `render reads a report that was saved with --format json (- for standard input)
and writes it in another form. The evidence is not needed. Sentences of the
findings stay in the language the report was made in.`,
			ES: `render lee un informe guardado con --format json (- para la entrada estándar) y lo
escribe en otra forma. No hacen falta las pruebas. Las frases de los hallazgos
quedan en el idioma en que se hizo el informe.`}),
		Example: `  flowcorr report -o report.json incident/
  flowcorr render report.json -o report.md`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return runRender(env, args) },
	}
	env.takeFormat(cmd, byEnding, formatNames()...)
	env.take(cmd, choosingOptions)
	env.takeOnly(cmd, "output", "redact", "strict")
	env.takeFailOn(cmd, "error")
	return cmd
}

// strictlySaved notes for --strict that files of a finished report had problems.
func (env *environment) strictlySaved(r *report.Report) {
	if env.options.strict && slices.ContainsFunc(r.Evidence, func(e report.Evidence) bool { return len(e.Problems) > 0 }) {
		env.status = exitDamaged
	}
}

func runRender(env *environment, args []string) error {
	if len(args) != 1 {
		return &usageError{env.say(lang.Text{EN: "render takes one saved report", ES: "render toma un informe guardado"}), env.say(lang.Text{EN: "flowcorr report -o report.json FOLDER, then flowcorr render report.json", ES: "flowcorr report -o report.json CARPETA, después flowcorr render report.json"})}
	}
	if err := env.checkOutputs(); err != nil {
		return err
	}
	var in io.Reader = env.in
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			env.hintMissing(args)
			return fmt.Errorf("%w: %w", incident.ErrNoInput, err)
		}
		defer f.Close()
		in = f
	}
	r, err := report.Decode(in)
	if err != nil {
		return &usageError{fmt.Sprintf("%s: %v", args[0], err), env.say(lang.Text{EN: "save a report with flowcorr report -o report.json FOLDER", ES: "guarde un informe con flowcorr report -o report.json CARPETA"})}
	}
	l := env.speaks
	if env.options.language == "" {
		l = languageNamed(r.Language) // the report's own
	}
	env.strictlySaved(r)
	if r, err = env.prepared(r); err != nil {
		return err
	}
	return env.deliver(r, l)
}
