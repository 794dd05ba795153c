package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func clocksCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "clocks PATH…",
		Short: "Measure every clock of the evidence against a reference",
		RunE: func(_ *cobra.Command, args []string) error {
			return runPart(env, args, render.Clocks, func(r *report.Report) any { return r.Clocks })
		},
	}
	partFlags(cmd, env)
	return cmd
}

func detectCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "detect PATH…",
		Short: "Tell what each file is, its span, clock and problems",
		RunE: func(_ *cobra.Command, args []string) error {
			return runPart(env, args, render.Files, func(r *report.Report) any { return r.Evidence })
		},
	}
	partFlags(cmd, env)
	return cmd
}

// partFlags are the options of a command that prints one part of a report.
func partFlags(cmd *cobra.Command, env *environment) {
	cmd.Flags().StringVar(&env.options.format, "format", "", "text or json (default: text)")
	analysisFlags(cmd, env)
}

// runPart analyses the evidence and prints one part of its report.
func runPart(env *environment, args []string, text func(io.Writer, *report.Report, render.TextOptions) error, part func(*report.Report) any) error {
	l, err := env.lang()
	if err != nil {
		return err
	}
	c, err := env.analyse(args)
	if err != nil {
		return err
	}
	r := report.Build(c, &diagnose.Diagnosis{}, l, version())
	switch env.options.format {
	case "", "text":
		err = text(env.out, r, env.textOptions(l, env.out))
	case "json":
		err = report.EncodePart(env.out, part(r))
	default:
		return &usageError{fmt.Sprintf("--format %s: no such choice", env.options.format), "use text or json"}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return nil
}
