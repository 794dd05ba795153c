package main

import (
	"bufio"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func eventsCommand(env *environment) *cobra.Command {
	o := &env.options
	var summary bool
	var jobs int
	cmd := &cobra.Command{
		Use:   "events PATH…",
		Short: "Print every event of logs and client output, or count them",
		Long: `events reads the logs under the paths (- for standard input), each once and in
bounded memory, and prints every event: as JSON Lines, or on a terminal as a
table. Stamps are as written; a "?" behind one says that its zone was not
stated. With --summary it prints counts and percentiles of durations instead.`,
		Example: `  flowcorr events incident/
  flowcorr events --format jsonl web/access.log | jq 'select(.status >= 500)'
  zcat access.log.*.gz | flowcorr events --summary -`,
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := env.lang()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return &usageError{"no log given", "flowcorr events PATH…, or - for standard input"}
			}
			if jobs < 1 || jobs > 256 {
				return &usageError{fmt.Sprintf("--jobs %d: not between 1 and 256", jobs), "it is how many files are read at a time"}
			}
			opt, err := env.readOptions(args)
			if err != nil {
				return err
			}
			opt.Workers = jobs
			if summary {
				return summariseEvents(env, l, args, opt)
			}
			return printEvents(env, l, args, opt)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "", "jsonl or text; with --summary json or text (default: text on a terminal, else jsonl; --summary: text)")
	f.BoolVar(&summary, "summary", false, "print counts by kind, result and hour and percentiles of durations")
	f.IntVar(&jobs, "jobs", 2, "with --summary, how many files are read at a time")
	f.StringVar(&o.casePath, "case", "", "case FILE with what you know of hosts, clocks and formats (default: flowcorr.yaml in a folder given)")
	f.StringArrayVar(&o.zones, "tz", nil, "zone of stamps that carry none: HOST=ZONE, such as web=Europe/Madrid or +02:00 (repeatable)")
	return cmd
}

func printEvents(env *environment, l lang.Lang, args []string, opt incident.Options) error {
	format := env.options.format
	if format == "" {
		format = "jsonl"
		if env.onTerminal() {
			format = "text"
		}
	}
	opt.Workers = 1 // events come in the order of files
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var open func(f *incident.File) func(*logparse.Event)
	var flush func() error
	switch format {
	case "text":
		t := render.NewEventTable(env.out, env.textOptions(l, env.out))
		open = func(f *incident.File) func(*logparse.Event) {
			return func(e *logparse.Event) { t.Event(report.EventRowOf(f.Path, e)) }
		}
		flush = t.Flush
	case "jsonl":
		out := bufio.NewWriterSize(env.out, 256<<10)
		var line []byte
		open = func(f *incident.File) func(*logparse.Event) {
			return func(e *logparse.Event) {
				line = report.AppendEvent(line[:0], f.Path, e)
				if _, err := out.Write(line); err != nil {
					stop() // nobody reads on
				}
			}
		}
		flush = out.Flush
	default:
		return &usageError{fmt.Sprintf("--format %s: no such choice", format), "use jsonl or text"}
	}
	files, err := incident.EachEvent(ctx, args, opt, open)
	if failed := flush(); failed != nil {
		return fmt.Errorf("%w: %w", errWrite, failed)
	}
	env.narrateLogs(files, err)
	return err
}

func summariseEvents(env *environment, l lang.Lang, args []string, opt incident.Options) error {
	switch env.options.format {
	case "", "text", "json":
	default:
		return &usageError{fmt.Sprintf("--format %s: no such choice", env.options.format), "with --summary use text or json"}
	}
	var order []*incident.File
	counts := map[*incident.File]*report.EventCounts{}
	files, err := incident.EachEvent(context.Background(), args, opt, func(f *incident.File) func(*logparse.Event) {
		c := &report.EventCounts{}
		counts[f] = c
		order = append(order, f)
		return c.Add
	})
	env.narrateLogs(files, err)
	if err != nil {
		return err
	}
	var logs []report.EventSummary
	var total report.EventCounts
	lines, problems := 0, 0
	for _, f := range order {
		s := counts[f].Summary()
		s.Evidence, s.Kind, s.Lines, s.Problems = f.Path, f.Kind, f.Records, len(f.Problems)
		logs = append(logs, s)
		total.Merge(counts[f])
		lines, problems = lines+s.Lines, problems+s.Problems
	}
	all := total.Summary()
	all.Lines, all.Problems = lines, problems
	if env.options.format == "json" {
		err = report.EncodePart(env.out, struct {
			Logs []report.EventSummary `json:"logs"`
			All  report.EventSummary   `json:"all"`
		}{logs, all})
	} else {
		err = render.EventSummaries(env.out, logs, all, env.textOptions(l, env.out))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return nil
}

// narrateLogs says what was not understood; that a file is no log is worth a
// word only where nothing else was of use.
func (env *environment) narrateLogs(files []*incident.File, err error) {
	var logs []*incident.File
	for _, f := range files {
		if f.Records > 0 || err != nil || f.Kind == incident.Unrecognised {
			logs = append(logs, f)
		}
	}
	env.narrate(&incident.Incident{Files: logs})
}
