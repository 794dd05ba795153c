package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func explainCommand(env *environment) *cobra.Command {
	var about string
	cmd := &cobra.Command{
		Use:   "explain PATH… --about X",
		Short: "Tell all that is known of a journey, finding, frame, line or endpoint",
		Long: `explain analyses the evidence and tells all that is known of one thing:

  j5                    a journey, as reports number them
  f1                    a finding
  client.pcap#120       a frame of a capture
  web/access.log:3      a line of a log
  10.0.0.7:443          an endpoint, or an address alone

Files may be named by the end of their path.`,
		Example: `  flowcorr explain incident/ --about j5
  flowcorr explain incident/ --about web/access.log:3 --format json`,
		RunE: func(_ *cobra.Command, args []string) error {
			if about == "" {
				return &usageError{"nothing named to explain", "add --about with a journey (j5), a frame (client.pcap#120), a line (web/access.log:3) or an address:port"}
			}
			r, l, err := env.analysedReport(args, "text", "json")
			if err != nil {
				return err
			}
			a, err := r.About(about)
			if err != nil {
				return &usageError{fmt.Sprintf("--about %v", err), "flowcorr report lists the journeys and the files with their records"}
			}
			return env.print(func(w io.Writer) error {
				if env.options.format == "json" {
					return report.EncodePart(w, a)
				}
				return render.About(w, r, a, env.textOptions(l, w))
			})
		},
	}
	partFlags(cmd, env)
	cmd.Flags().StringVar(&about, "about", "", "what to explain: journey, finding, FILE#FRAME, FILE:LINE or ADDRESS[:PORT]")
	return cmd
}

// analysedReport is the report of the evidence, diagnosed, after a look at
// --format, which must be one of the names or empty.
func (env *environment) analysedReport(args []string, names ...string) (*report.Report, lang.Lang, error) {
	l, err := env.lang()
	if err != nil {
		return nil, l, err
	}
	known, choices := env.options.format == "", ""
	for i, n := range names {
		known = known || env.options.format == n
		if i > 0 {
			choices += " or "
		}
		choices += n
	}
	if !known {
		return nil, l, &usageError{fmt.Sprintf("--format %s: no such choice", env.options.format), "use " + choices}
	}
	c, err := env.analyse(args)
	if err != nil {
		return nil, l, err
	}
	return report.Build(c, diagnose.Run(c, diagnose.Options{Lang: l}), l, version()), l, nil
}

// print writes to standard output and marks what fails there.
func (env *environment) print(write func(io.Writer) error) error {
	if err := write(env.out); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return nil
}
