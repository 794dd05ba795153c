package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func clocksCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "clocks PATH…", ES: "clocks RUTA…"}),
		Short: env.say(lang.Text{EN: "Measure every clock of the evidence against a reference", ES: "Medir cada reloj de las pruebas frente a una referencia"}),
		RunE: func(_ *cobra.Command, args []string) error {
			return runPart(env, args, render.Clocks, func(r *report.Report) any { return r.Clocks })
		},
	}
	partFlags(cmd, env, "text", "json")
	env.take(cmd, choosingOptions)
	env.takeFailOn(cmd, "never")
	return cmd
}

// partFlags are the options of a command that prints one part of a report, in
// one of some formats.
func partFlags(cmd *cobra.Command, env *environment, formats ...string) {
	env.takeFormat(cmd, lang.Text{}, formats...)
	env.take(cmd, readingOptions, analysisOptions)
	env.takeOnly(cmd, "redact", "strict")
	env.takePartOutput(cmd)
}

// runPart analyses the evidence and prints one part of its report.
func runPart(env *environment, args []string, text func(io.Writer, *report.Report, render.TextOptions) error, part func(*report.Report) any) error {
	r, l, err := env.analysedReport(args)
	if err != nil {
		return err
	}
	if r.Selected != nil {
		r.KeepFiles()
	}
	return env.print(func(w io.Writer) error {
		if env.options.format == "json" {
			return report.EncodePart(w, part(r))
		}
		return text(w, r, env.textOptions(l, w))
	})
}
