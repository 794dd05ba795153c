package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func explainCommand(env *environment) *cobra.Command {
	var about string
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "explain PATH… --about X", ES: "explain RUTA… --about X"}),
		Short: env.say(lang.Text{EN: "Tell all that is known of a journey, finding, frame, line or endpoint", ES: "Decir todo lo que se sabe de un recorrido, hallazgo, trama, línea o extremo"}),
		Long: env.say(lang.Text{
			EN: `explain analyses the evidence and tells all that is known of one thing:

  j5                    a journey, as reports number them
  f1                    a finding
  client.pcap#120       a frame of a capture
  web/access.log:3      a line of a log
  10.0.0.7:443          an endpoint, or an address alone

Files may be named by the end of their path.`,
			ES: `explain analiza las pruebas y dice todo lo que se sabe de una cosa:

  j5                    un recorrido, como los numeran los informes
  f1                    un hallazgo
  client.pcap#120       una trama de una captura
  web/access.log:3      una línea de un registro
  10.0.0.7:443          un extremo, o una dirección sola

Los archivos pueden nombrarse por el final de su ruta.`}),
		Example: `  flowcorr explain incident/ --about j5
  flowcorr explain incident/ --about web/access.log:3 --format json`,
		RunE: func(_ *cobra.Command, args []string) error {
			if about == "" {
				return &usageError{env.say(lang.Text{EN: "nothing named to explain", ES: "no se dice qué explicar"}),
					env.say(lang.Text{EN: "add --about with a journey (j5), a finding (f1), a frame (client.pcap#120), a line (web/access.log:3) or an address:port", ES: "añada --about con un recorrido (j5), un hallazgo (f1), una trama (client.pcap#120), una línea (web/access.log:3) o una dirección:puerto"})}
			}
			c, err := env.analyse(args)
			if err != nil {
				return err
			}
			r, err := env.diagnosed(context.Background(), c)
			if err != nil {
				return err
			}
			if r, err = env.shown(r); err != nil {
				return err
			}
			return env.tellOf(c, r, about)
		},
	}
	partFlags(cmd, env, "text", "json")
	env.take(cmd, choosingOptions)
	env.takeFailOn(cmd, "never")
	cmd.Flags().StringVar(&about, "about", "", env.say(lang.Text{EN: "what to explain: journey, finding, FILE#FRAME, FILE:LINE or ADDRESS[:PORT]", ES: "qué explicar: recorrido, hallazgo, ARCHIVO#TRAMA, ARCHIVO:LÍNEA o DIRECCIÓN[:PUERTO]"}))
	annotate(cmd.Flags().Lookup("about"), ownOptions, "X", nil)
	return cmd
}

// tellOf prints all that a report, and the flows it is of, tell of one thing.
func (env *environment) tellOf(c *correlate.Case, r *report.Report, about string) error {
	a, err := r.About(about)
	if err != nil {
		return &usageError{fmt.Sprintf("--about %v", err), env.say(lang.Text{EN: "flowcorr report lists the journeys and the files with their records", ES: "flowcorr report enumera los recorridos y los archivos con sus registros"})}
	}
	env.judge(a.Findings)
	if !env.options.redact { // flows are told as they are
		a.TellFlows(c)
	}
	return env.print(func(w io.Writer) error {
		if env.options.format == "json" {
			return report.EncodePart(w, a)
		}
		return render.About(w, r, a, env.textOptions(env.speaks, w))
	})
}

// analysedReport is the report of the evidence, diagnosed, or the part of it
// that was asked for.
func (env *environment) analysedReport(args []string) (*report.Report, lang.Lang, error) {
	c, err := env.analyse(args)
	if err != nil {
		return nil, env.speaks, err
	}
	r, err := env.diagnosed(context.Background(), c)
	if err != nil {
		return nil, env.speaks, err
	}
	r, err = env.prepared(r)
	return r, env.speaks, err
}
