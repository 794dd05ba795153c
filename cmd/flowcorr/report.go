package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func reportCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report PATH…",
		Short: "Analyse evidence and print the report",
		Example: `  flowcorr report incident/
  flowcorr report --lang es -o informe.md incident/
  flowcorr report --format json client.pcap access.log > report.json`,
		RunE: func(_ *cobra.Command, args []string) error { return runReport(env, args) },
	}
	reportFlags(cmd, env)
	return cmd
}

// reportFlags are the options of report, which the bare command takes as well.
func reportFlags(cmd *cobra.Command, env *environment) {
	o := &env.options
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "", "text, json or markdown (default: by the ending of -o, else text)")
	f.StringArrayVarP(&o.outputs, "output", "o", nil, "write to FILE; .json, .md and .txt pick the format (repeatable)")
	f.StringVar(&o.color, "color", "auto", "colours in text: auto, always or never")
	f.StringVar(&o.failOn, "fail-on", "error", "exit with status 1 at findings of this severity or above: note, warning, error or never")
	analysisFlags(cmd, env)
}

// analysisFlags steer the analysis, not its output.
func analysisFlags(cmd *cobra.Command, env *environment) {
	o := &env.options
	f := cmd.Flags()
	f.StringArrayVar(&o.keylogs, "keylog", nil, "TLS key log FILE (SSLKEYLOGFILE) to decrypt with (repeatable)")
	f.StringArrayVar(&o.offsets, "offset", nil, "declare a clock: HOST=±SECONDS ahead of the reference (repeatable)")
	f.StringArrayVar(&o.zones, "tz", nil, "zone of stamps that carry none: HOST=ZONE, such as web=Europe/Madrid or +02:00 (repeatable)")
	f.StringVar(&o.refClock, "reference", "", "the clock that corrected instants are on, by name or file")
	f.StringVar(&o.casePath, "case", "", "case FILE with what you know of hosts, clocks and formats (default: flowcorr.yaml in a folder given)")
	f.BoolVar(&o.raw, "no-correct", false, "leave every stamp as recorded")
}

// formats of a report, by their names and the endings that pick them.
var formats = []struct {
	name, ending string
	write        func(io.Writer, *report.Report, render.TextOptions) error
}{
	{"text", ".txt", render.Text},
	{"json", ".json", func(w io.Writer, r *report.Report, _ render.TextOptions) error { return report.Encode(w, r) }},
	{"markdown", ".md", func(w io.Writer, r *report.Report, o render.TextOptions) error { return render.Markdown(w, r, o.Lang) }},
}

func runReport(env *environment, args []string) error {
	l, err := env.lang()
	if err != nil {
		return err
	}
	if err := checkChoices(env); err != nil {
		return err
	}
	c, err := env.analyse(args)
	if err != nil {
		return err
	}
	d := diagnose.Run(c, diagnose.Options{Lang: l})
	r := report.Build(c, d, l, version())
	if err := env.deliver(r, l); err != nil {
		return err
	}
	env.status = statusOf(d, env.options.failOn)
	return nil
}

// checkChoices refuses words that no option knows before any work is done.
func checkChoices(env *environment) error {
	o := &env.options
	choices := []struct {
		flag, value string
		allowed     []string
	}{
		{"--format", o.format, []string{"", "text", "json", "markdown"}},
		{"--color", o.color, []string{"auto", "always", "never"}},
		{"--fail-on", o.failOn, []string{"note", "warning", "error", "never"}},
	}
	for _, c := range choices {
		if !slices.Contains(c.allowed, c.value) {
			return &usageError{fmt.Sprintf("%s %s: no such choice", c.flag, c.value), "use one of " + strings.TrimPrefix(strings.Join(c.allowed, ", "), ", ")}
		}
	}
	for _, path := range o.outputs {
		if _, err := formatOf(path, o.format); err != nil {
			return err
		}
	}
	return nil
}

// analyse reads the evidence and correlates it.
func (env *environment) analyse(paths []string) (*correlate.Case, error) {
	if len(paths) == 0 {
		return nil, &usageError{"no evidence given", "flowcorr report FOLDER: a folder with captures and logs, or the files themselves"}
	}
	read, err := env.readOptions(paths)
	if err != nil {
		return nil, err
	}
	link, err := env.correlateOptions()
	if err != nil {
		return nil, err
	}
	inc, err := incident.Read(context.Background(), paths, read)
	if err != nil {
		return nil, err
	}
	env.narrate(inc)
	return correlate.Correlate(inc, link), nil
}

// narrate says on standard error which files could not be used.
func (env *environment) narrate(inc *incident.Incident) {
	if env.options.quiet {
		return
	}
	for _, f := range inc.Files {
		for i, p := range f.Problems {
			if i == 3 {
				fmt.Fprintf(env.diag, "flowcorr: %s: … and %d more\n", render.Printable(f.Path), len(f.Problems)-i)
				break
			}
			fmt.Fprintf(env.diag, "flowcorr: %s: %s%s\n", render.Printable(f.Path), position(p), render.Printable(p.Text))
		}
	}
}

// position names the place of a problem, where it has one.
func position(p incident.Problem) string {
	switch {
	case p.Record > 0 && p.Offset > 0:
		return fmt.Sprintf("record %d, byte %d: ", p.Record, p.Offset)
	case p.Record > 0:
		return fmt.Sprintf("record %d: ", p.Record)
	case p.Offset > 0:
		return fmt.Sprintf("byte %d: ", p.Offset)
	}
	return ""
}

// deliver writes the report to every output asked for.
func (env *environment) deliver(r *report.Report, l lang.Lang) error {
	if len(env.options.outputs) == 0 {
		f, _ := formatOf("", env.options.format)
		if err := f(env.out, r, env.textOptions(l, env.out)); err != nil {
			return fmt.Errorf("%w: %w", errWrite, err)
		}
		return nil
	}
	for _, path := range env.options.outputs {
		f, err := formatOf(path, env.options.format)
		if err != nil {
			return err
		}
		if err := writeFile(path, func(w io.Writer) error { return f(w, r, render.TextOptions{Lang: l, Width: 120}) }); err != nil {
			return fmt.Errorf("%w %s: %w", errWrite, path, err)
		}
	}
	return nil
}

// formatOf picks a format by name, else by the ending of path, else text.
func formatOf(path, name string) (func(io.Writer, *report.Report, render.TextOptions) error, error) {
	ending := filepath.Ext(path)
	for _, f := range formats {
		if name == f.name || name == "" && ending == f.ending {
			return f.write, nil
		}
	}
	if path == "" {
		return formats[0].write, nil
	}
	return nil, &usageError{fmt.Sprintf("%s: the ending %q names no format", path, ending), "use .txt, .json or .md, or add --format"}
}

// writeFile writes beside the target and renames, so that no half a report is
// ever seen under its name.
func writeFile(path string, write func(io.Writer) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := write(tmp); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func statusOf(d *diagnose.Diagnosis, failOn string) int {
	for _, f := range d.Findings {
		if failOn != "never" && f.Confidence != diagnose.NotEvaluable && f.Severity >= severityOf(failOn) {
			return exitFindings
		}
	}
	return exitDone
}

func severityOf(name string) diagnose.Severity {
	for _, s := range []diagnose.Severity{diagnose.Info, diagnose.Note, diagnose.Warning, diagnose.Error} {
		if s.String() == name {
			return s
		}
	}
	return diagnose.Error
}
