package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

func renderCommand(env *environment) *cobra.Command {
	o := &env.options
	cmd := &cobra.Command{
		Use:   "render report.json",
		Short: "Turn a saved report into another form",
		Long: `render reads a report that was saved with --format json (- for standard input)
and writes it in another form. The evidence is not needed. Sentences of the
findings stay in the language the report was made in.`,
		Example: `  flowcorr report -o report.json incident/
  flowcorr render report.json -o report.md`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return runRender(env, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "", "text, json or markdown (default: by the ending of -o, else text)")
	f.StringArrayVarP(&o.outputs, "output", "o", nil, "write to FILE; .json, .md and .txt pick the format (repeatable)")
	f.StringVar(&o.color, "color", "auto", "colours in text: auto, always or never")
	return cmd
}

func runRender(env *environment, args []string) error {
	if len(args) != 1 {
		return &usageError{"render takes one saved report", "flowcorr report -o report.json FOLDER, then flowcorr render report.json"}
	}
	if err := checkChoices(env); err != nil {
		return err
	}
	l, err := env.lang()
	if err != nil {
		return err
	}
	var in io.Reader = env.in
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("%w: %w", incident.ErrNoInput, err)
		}
		defer f.Close()
		in = f
	}
	r, err := report.Decode(in)
	if err != nil {
		return &usageError{fmt.Sprintf("%s: %v", args[0], err), "save a report with flowcorr report -o report.json FOLDER"}
	}
	if env.options.language == "" { // the report's own
		l = lang.EN
		if r.Language == "es" {
			l = lang.ES
		}
	}
	return env.deliver(r, l)
}
