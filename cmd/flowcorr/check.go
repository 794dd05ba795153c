package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func checkCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check PATH…",
		Short: "Tell which evidence is there, which is missing, and how to collect it",
		Example: `  flowcorr check incident/
  flowcorr check --format json incident/`,
		RunE: func(_ *cobra.Command, args []string) error {
			r, l, err := env.analysedReport(args, "text", "json")
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
	partFlags(cmd, env)
	return cmd
}
