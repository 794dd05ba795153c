package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func detectCommand(env *environment) *cobra.Command {
	var propose bool
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "detect PATH…", ES: "detect RUTA…"}),
		Short: env.say(lang.Text{EN: "Tell what each file is, its span, clock and problems", ES: "Decir qué es cada archivo, su periodo, su reloj y sus problemas"}),
		Example: `  flowcorr detect incident/
  flowcorr detect --write-case incident/ > flowcorr.yaml`,
		RunE: func(_ *cobra.Command, args []string) error {
			if propose {
				if err := env.refuseGiven(lang.Text{EN: "a case file is of all the evidence", ES: "un archivo de caso es de todas las pruebas"},
					lang.Text{EN: "leave the option out", ES: "omita la opción"}, []optionGroup{choosingOptions}, "redact", failOn, "baseline"); err != nil {
					return err
				}
				return writeCase(env, args)
			}
			return runPart(env, args, render.Files, func(r *report.Report) any { return r.Evidence })
		},
	}
	partFlags(cmd, env, "text", "json")
	env.take(cmd, choosingOptions)
	env.takeFailOn(cmd, "never")
	cmd.Flags().BoolVar(&propose, "write-case", false, env.say(lang.Text{EN: "print instead a case file (flowcorr.yaml) proposed from the evidence", ES: "escribe en su lugar un archivo de caso (flowcorr.yaml) propuesto a partir de las pruebas"}))
	return cmd
}

// writeCase proposes a case file for the evidence.
func writeCase(env *environment, args []string) error {
	c, err := env.analyse(args)
	if err != nil {
		return err
	}
	return env.print(func(w io.Writer) error { return proposeCase(c).Write(w, env.speaks) })
}
