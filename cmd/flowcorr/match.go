package main

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func matchCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "match PATH…", ES: "match RUTA…"}),
		Short: env.say(lang.Text{EN: "Tell which log line is of which request, how sure, and what stays alone", ES: "Decir qué línea de registro es de qué petición, con qué certeza, y qué queda solo"}),
		Long: env.say(lang.Text{
			EN: `match prints every log line with the journey it tells of: how sure that is, how
far the corrected stamp lies from the packets, what decided and which journeys
would fit nearly as well; then lines without a journey and journeys without a
line, with the reason.`,
			ES: `match escribe cada línea de registro con el recorrido del que habla: con qué
certeza, cuánto dista la marca corregida de los paquetes, qué lo decidió y qué
recorridos encajarían casi igual; después, las líneas sin recorrido y los
recorridos sin línea, con el motivo.`}),
		Example: `  flowcorr match incident/
  flowcorr match --format jsonl incident/ | jq 'select(.status == "ambiguous")'`,
		RunE: func(_ *cobra.Command, args []string) error {
			r, pairs, err := env.pairings(args)
			if err != nil {
				return err
			}
			return env.print(func(w io.Writer) error {
				if env.options.format == "jsonl" {
					return writeLines(w, pairs)
				}
				return render.Pairings(w, r, pairs, env.textOptions(env.speaks, w))
			})
		},
	}
	partFlags(cmd, env, "text", "jsonl")
	env.take(cmd, choosingOptions)
	env.takeFailOn(cmd, "never")
	return cmd
}

// pairings are the lines of the evidence with their journeys. A part of them, and
// redacted ones, come from the whole report: findings choose or decide, and every text
// tells of names.
func (env *environment) pairings(args []string) (*report.Report, []report.Pairing, error) {
	if o := &env.options; o.choice.words() != "" || o.redact || o.baseline != "" || o.failOn != "never" {
		r, _, err := env.analysedReport(args)
		if err != nil {
			return nil, nil, err
		}
		return r, r.Pairings(), nil
	}
	env.linesOnly = true
	c, err := env.analyse(args)
	if err != nil {
		return nil, nil, err
	}
	r, pairs := report.Match(c, env.speaks, version())
	return r, pairs, nil
}

// writeLines writes one JSON object a line.
func writeLines[T any](w io.Writer, rows []T) error {
	out := bufio.NewWriterSize(w, 64<<10)
	e := json.NewEncoder(report.InertJSON{W: out})
	e.SetEscapeHTML(false)
	for i := range rows {
		if err := e.Encode(&rows[i]); err != nil {
			return err
		}
	}
	return out.Flush()
}
