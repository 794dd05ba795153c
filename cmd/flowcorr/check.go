package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func checkCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "check PATH…", ES: "check RUTA…"}),
		Short: env.say(lang.Text{EN: "Tell which evidence is there, which is missing, and how to collect it", ES: "Decir qué pruebas hay, cuáles faltan y cómo recogerlas"}),
		Example: `  flowcorr check incident/
  flowcorr check --format json incident/`,
		RunE: func(_ *cobra.Command, args []string) error {
			r, l, err := env.analysedReport(args)
			if err != nil {
				return err
			}
			return env.print(func(w io.Writer) error {
				if env.options.format == "json" {
					return report.EncodePart(w, r.Checklist)
				}
				return render.Checklist(w, r, env.textOptions(l, w))
			})
		},
	}
	partFlags(cmd, env, "text", "json")
	env.takeFailOn(cmd, "never")
	return cmd
}
