package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func timelineCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "timeline PATH…", ES: "timeline RUTA…"}),
		Short: env.say(lang.Text{EN: "Print the instants of all journeys and their log lines on one scale", ES: "Escribir los instantes de todos los recorridos y sus líneas en una sola escala"}),
		Long: env.say(lang.Text{
			EN: `timeline merges the packets that mark the steps of every journey and the log
lines that belong to it on the reference clock; the stamp as written stands
beside a corrected one. A "?" says that a stamp could not be corrected.

Instants to filter by are on the reference clock, in UTC: RFC 3339, or
HH:MM:SS[.fff] of the day of the first instant.`,
			ES: `timeline junta en el reloj de referencia los paquetes que marcan los pasos de
cada recorrido y las líneas de registro que le pertenecen; la marca tal cual se
escribió está junto a la corregida. Un "?" dice que una marca no se pudo
corregir.

Los instantes por los que se filtra están en el reloj de referencia, en UTC: RFC
3339, o HH:MM:SS[.fff] del día del primer instante.`}),
		Example: `  flowcorr timeline incident/
  flowcorr timeline --around 10:15:32 --window 2s incident/
  flowcorr timeline --since 2026-01-15T10:15:00Z --format jsonl incident/`,
		RunE: func(_ *cobra.Command, args []string) error {
			r, l, err := env.analysedReport(args)
			if err != nil {
				return err
			}
			entries := env.options.choice.cut(r.Timeline(), firstInstant(r))
			return env.print(func(w io.Writer) error {
				if env.options.format == "jsonl" {
					return writeLines(w, entries)
				}
				return render.Timeline(w, r, entries, env.textOptions(l, w))
			})
		},
	}
	partFlags(cmd, env, "text", "jsonl")
	env.take(cmd, choosingOptions)
	env.takeFailOn(cmd, "never")
	return cmd
}
