package main

import (
	"bufio"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func eventsCommand(env *environment) *cobra.Command {
	var summary bool
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "events PATH…", ES: "events RUTA…"}),
		Short: env.say(lang.Text{EN: "Print every event of logs and client output, or count them", ES: "Escribir cada evento de los registros y de los clientes, o contarlos"}),
		Long: env.say(lang.Text{
			EN: `events reads the logs under the paths (- for standard input), each once and in
bounded memory, and prints every event: as JSON Lines, or on a terminal as a
table. Stamps are as written, also those that --since, --until and --around ask
for; a "?" behind one says that its zone was not stated. With --summary it prints
counts and percentiles of durations instead.`,
			ES: `events lee los registros que hay bajo las rutas (- para la entrada estándar), cada
uno una vez y con memoria acotada, y escribe cada evento: como JSON Lines, o en un
terminal como tabla. Las marcas están tal cual se escribieron, también para --since,
--until y --around; un "?" detrás dice que no constaba su zona. Con
--summary escribe cuentas y percentiles de las duraciones.`}),
		Example: `  flowcorr events incident/
  flowcorr events --format jsonl web/access.log | jq 'select(.status >= 500)'
  zcat access.log.*.gz | flowcorr events --summary -`,
		RunE: func(_ *cobra.Command, args []string) error {
			l := env.speaks
			if len(args) == 0 {
				return &usageError{env.say(lang.Text{EN: "no log given", ES: "no se dio ningún registro"}), env.say(lang.Text{EN: "flowcorr events PATH…, or - for standard input", ES: "flowcorr events RUTA…, o - para la entrada estándar"})}
			}
			opt, err := env.readOptions(args)
			if err != nil {
				return err
			}
			work := printEvents
			if summary {
				work = summariseEvents
			}
			return env.streamed(func() error { return work(env, l, args, opt) })
		},
	}
	env.takeFormat(cmd, lang.Text{EN: "default: text on a terminal, else jsonl; --summary: text or json, default text", ES: "si falta: text en un terminal, si no jsonl; --summary: text o json, si falta text"}, "jsonl", "text", "json")
	env.takeOnly(cmd, "tz", "case", "jobs", "redact", "strict")
	env.takeOnly(cmd, "since", "until", "around", "window", "client", "server", "name", "min-total")
	env.takePartOutput(cmd)
	cmd.Flags().BoolVar(&summary, "summary", false, env.say(lang.Text{EN: "print counts by kind, result and hour and percentiles of durations", ES: "escribe cuentas por tipo, resultado y hora y percentiles de las duraciones"}))
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
	hide := env.redactor(args)
	opt.Workers = 1 // events come in the order of files
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var open func(f *incident.File) incident.Sink
	var flush func() error
	switch format {
	case "text":
		t := render.NewEventTable(env.out, env.textOptions(l, env.out))
		open = func(f *incident.File) incident.Sink { return &eventRows{evidence: f.Path, table: t, hide: hide} }
		flush = t.Flush
	case "jsonl":
		out := bufio.NewWriterSize(env.lines(hide), 256<<10)
		open = func(f *incident.File) incident.Sink {
			return &eventLines{evidence: f.Path, out: out, stop: stop}
		}
		flush = out.Flush
	default:
		return &usageError{env.say(lang.Text{EN: "--format %s: only with --summary", ES: "--format %s: solo con --summary"}, format), env.say(lang.Text{EN: "use jsonl or text", ES: "use jsonl o text"})}
	}
	if !env.onTerminal() { // else the events themselves show that it goes on
		bar := env.watchProgress(args, 1)
		defer bar.done()
		opt.Progress = bar.counter()
	}
	open, err := env.onlyChosen(&opt, open)
	if err != nil {
		return err
	}
	files, err := incident.EachEvent(ctx, args, opt, open)
	if failed := flush(); failed != nil {
		return fmt.Errorf("%w: %w", errWrite, failed)
	}
	env.tellRedacted(hide)
	env.narrateLogs(files, err)
	return err
}

func summariseEvents(env *environment, l lang.Lang, args []string, opt incident.Options) error {
	switch env.options.format {
	case "", "text", "json":
	default:
		return &usageError{env.say(lang.Text{EN: "--format %s: not with --summary", ES: "--format %s: no con --summary"}, env.options.format), env.say(lang.Text{EN: "use text or json", ES: "use text o json"})}
	}
	hide := env.redactor(args)
	var order []*incident.File
	counts := map[*incident.File]*report.EventCounts{}
	bar := env.watchProgress(args, 1)
	opt.Progress = bar.counter()
	open, err := env.onlyChosen(&opt, func(f *incident.File) incident.Sink {
		c := &report.EventCounts{}
		counts[f] = c
		order = append(order, f)
		return eventCounter{c}
	})
	if err != nil {
		return err
	}
	files, err := incident.EachEvent(context.Background(), args, opt, open)
	bar.done()
	env.narrateLogs(files, err)
	if err != nil {
		return err
	}
	var logs []report.EventSummary
	var total report.EventCounts
	lines, problems := 0, 0
	for _, f := range order {
		s := counts[f].Summary()
		if s.Evidence = f.Path; hide != nil {
			s.Evidence = hide.File(f.Path)
		}
		s.Kind, s.Lines, s.Problems = f.Kind, f.Records, len(f.Problems)
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
