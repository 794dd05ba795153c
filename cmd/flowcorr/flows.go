package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/redact"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func flowsCommand(env *environment) *cobra.Command {
	var turns bool
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "flows CAPTURE…", ES: "flows CAPTURA…"}),
		Short: env.say(lang.Text{EN: "Print every flow of captures with its phases", ES: "Escribir cada flujo de las capturas con sus fases"}),
		Long: env.say(lang.Text{
			EN: `flows reads captures (- for standard input) and prints one row a flow: as a
table, or with --format jsonl as JSON Lines, in the order the flows end. Behind
the flows of a capture come its neighbour resolutions (ARP, neighbour discovery),
the routers that advertise themselves, ICMP errors about packets of other flows, and
the gateways that all these show.
Stamps are as captured, also those that --since, --until and --around ask for.`,
			ES: `flows lee capturas (- para la entrada estándar) y escribe una fila por flujo: como
tabla, o con --format jsonl como JSON Lines, en el orden en que los flujos acaban.
Tras los flujos de una captura vienen sus resoluciones de vecinos (ARP, ND), los
encaminadores que se anuncian, los errores ICMP sobre paquetes de otros flujos y las
puertas de enlace que todo ello muestra.
Las marcas son las capturadas, también para --since, --until y --around.`}),
		Example: `  flowcorr flows client.pcap
  tcpdump -w - | flowcorr flows --format jsonl -`,
		RunE: func(_ *cobra.Command, args []string) error {
			return env.streamed(func() error { return runFlows(env, args, turns) })
		},
	}
	env.takeFormat(cmd, lang.Text{}, "text", "jsonl")
	env.takeOnly(cmd, "keylog", "jobs", "redact", "strict")
	env.takeOnly(cmd, "since", "until", "around", "window", "client", "server", "name", "service", "min-total")
	env.takePartOutput(cmd)
	cmd.Flags().BoolVar(&turns, "turns", false, env.say(lang.Text{EN: "tell each connection's turns as well, and what held their senders back (jsonl)", ES: "decir también los turnos de cada conexión y qué frenó a quien enviaba (jsonl)"}))
	annotate(cmd.Flags().Lookup("turns"), ownOptions, "", nil)
	return cmd
}

func runFlows(env *environment, args []string, turns bool) error {
	l := env.speaks
	if len(args) == 0 {
		return &usageError{env.say(lang.Text{EN: "no capture given", ES: "no se dio ninguna captura"}), env.say(lang.Text{EN: "flowcorr flows FILE…, or - for standard input", ES: "flowcorr flows ARCHIVO…, o - para la entrada estándar"})}
	}
	opt, err := env.readOptions(args)
	if err != nil {
		return err
	}
	opt.Turns = turns
	chosen, err := env.rowChoice()
	if err != nil {
		return err
	}
	hide := env.redactor(args)
	out := bufio.NewWriterSize(env.lines(hide), 256<<10)
	var sink flowSink
	switch env.options.format {
	case "jsonl":
		sink = &flowLines{out: out}
		tightHeap() // a table is kept to its end: then the runtime's own rule is the better one
	default:
		sink = &flowTable{lang: l, hide: hide}
	}
	if env.options.format != "jsonl" || !env.onTerminal() { // else the flows themselves show that it goes on
		bar := env.watchProgress(args, 1)
		defer bar.done()
		opt.Progress = bar.counter()
	}
	read, shown := 0, false
	for _, path := range args {
		told, problems, err := tellFlows(path, env.in, opt, chosen, sink)
		shown = shown || told > 0
		if err != nil {
			fmt.Fprintf(env.diag, "flowcorr: %s: %s\n", render.Printable(path), render.Printable(render.Phrase(strings.TrimPrefix(err.Error(), incident.ErrNoInput.Error()+": "), env.speaks)))
			continue
		}
		read++
		if env.options.verbose {
			fmt.Fprintf(env.diag, "flowcorr: %s: %s\n", render.Printable(path), env.say(lang.Text{EN: "%d flows", ES: "%d flujos"}, told))
		}
		if env.options.strict && len(problems) > 0 {
			env.status = exitDamaged
		}
		for _, p := range problems {
			if env.options.quiet {
				break
			}
			fmt.Fprintf(env.diag, "flowcorr: %s: %s%s\n", render.Printable(path), env.position(p), render.Printable(render.Phrase(p.Text, env.speaks)))
		}
	}
	if read == 0 && !shown {
		return errors.Join(&usageError{env.say(lang.Text{EN: "nothing given is a capture that can be read", ES: "nada de lo dado es una captura que se pueda leer"}), env.say(lang.Text{
			EN: "flows reads capture files, such as flowcorr flows FOLDER/*.pcap; flowcorr report FOLDER reads all that is in a folder",
			ES: "flows lee archivos de captura, como flowcorr flows CARPETA/*.pcap; flowcorr report CARPETA lee todo lo que hay en una carpeta"})}, incident.ErrNoInput)
	}
	env.tellRedacted(hide)
	if err := sink.end(env.out, env); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	if read == 0 {
		return incident.ErrNoInput
	}
	return nil
}

// tellFlows hands the chosen flows of a capture to sink, behind them what is told of
// its link, and the gateways that all these show where it was read to its end. told
// counts the flows.
func tellFlows(path string, in io.Reader, opt incident.Options, chosen *rowChoice, sink flowSink) (told int, problems []incident.Problem, err error) {
	var gateways correlate.GatewayFinder
	var link pcapflow.Result // what is told of the link
	name := filepath.Base(path)
	problems, err = incident.EachFlow(context.Background(), path, in, opt, func(f *pcapflow.Flow) {
		gateways.Flow(f)
		if chosen.flow(f) {
			told++
			sink.flow(name, f)
		}
	}, func(rest *pcapflow.Result) {
		link.Neighbours, link.Routers = rest.Neighbours, rest.Routers
		beyond := gateways.Beyond()
		for _, r := range link.Neighbours {
			if chosen.resolution(r) {
				sink.resolution(name, r, beyond)
			}
		}
		for _, r := range link.Routers {
			if chosen.router(r) {
				sink.router(name, r)
			}
		}
		for i := range rest.ICMP {
			if chosen.icmp(&rest.ICMP[i]) {
				sink.icmp(name, &rest.ICMP[i])
			}
		}
	})
	if err != nil {
		return told, problems, err
	}
	for _, g := range gateways.Find(link) {
		if chosen.gateway(g) {
			sink.gateway(name, g)
		}
	}
	return told, problems, nil
}

// flowSink takes flows as they end, and neighbour resolutions behind them.
type flowSink interface {
	flow(evidence string, f *pcapflow.Flow)
	resolution(evidence string, r *pcapflow.Resolution, beyond correlate.Beyond)
	router(evidence string, r *pcapflow.Router)
	icmp(evidence string, e *pcapflow.ICMPError)
	gateway(evidence string, g *correlate.Gateway)
	end(w io.Writer, env *environment) error
}

// flowLines writes JSON Lines at once.
type flowLines struct {
	out   *bufio.Writer
	lines report.FlowLines
	line  []byte
	err   error
}

func (s *flowLines) flow(evidence string, f *pcapflow.Flow) {
	s.write(s.lines.Append(s.line[:0], evidence, f))
}

func (s *flowLines) resolution(evidence string, r *pcapflow.Resolution, beyond correlate.Beyond) {
	s.write(s.lines.AppendResolution(s.line[:0], evidence, r, beyond))
}

func (s *flowLines) router(evidence string, r *pcapflow.Router) {
	s.write(s.lines.AppendRouter(s.line[:0], evidence, r))
}

func (s *flowLines) icmp(evidence string, e *pcapflow.ICMPError) {
	s.write(s.lines.AppendICMP(s.line[:0], evidence, e))
}

func (s *flowLines) gateway(evidence string, g *correlate.Gateway) {
	s.write(s.lines.AppendGateway(s.line[:0], evidence, g))
}

func (s *flowLines) write(line []byte) {
	s.line = line
	if s.err == nil {
		_, s.err = s.out.Write(line)
	}
}

func (s *flowLines) end(io.Writer, *environment) error { return s.err }

// flowTable collects rows for a table.
type flowTable struct {
	lang lang.Lang
	hide *redact.Redactor // nil: nothing is hidden
	rows []report.FlowRow
}

func (s *flowTable) flow(evidence string, f *pcapflow.Flow) {
	s.add(report.RowOf(evidence, f))
}

func (s *flowTable) resolution(evidence string, r *pcapflow.Resolution, _ correlate.Beyond) {
	s.add(report.RowOfResolution(evidence, r))
}

func (s *flowTable) router(evidence string, r *pcapflow.Router) {
	s.add(report.RowOfRouter(evidence, r))
}

func (s *flowTable) icmp(evidence string, e *pcapflow.ICMPError) {
	s.add(report.RowOfICMP(evidence, e))
}

func (s *flowTable) gateway(evidence string, g *correlate.Gateway) {
	s.add(report.RowOfGateway(evidence, g))
}

func (s *flowTable) add(row report.FlowRow) {
	if s.hide != nil {
		row = s.hide.FlowRow(row)
	}
	s.rows = append(s.rows, row)
}

func (s *flowTable) end(w io.Writer, env *environment) error {
	report.SortRows(s.rows)
	return render.Flows(w, s.rows, env.textOptions(s.lang, env.out))
}
