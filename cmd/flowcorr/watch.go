package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/redact"
	"github.com/flowcorr/flowcorr/pkg/report/render"
	"github.com/flowcorr/flowcorr/pkg/watch"
)

func watchCommand(env *environment) *cobra.Command {
	var opt watch.Options
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "watch PATH…", ES: "watch RUTA…"}),
		Short: env.say(lang.Text{EN: "Follow growing logs and captures and tell findings as they become certain", ES: "Seguir registros y capturas que crecen y decir los hallazgos en cuanto son seguros"}),
		Long: env.say(lang.Text{
			EN: `watch follows logs as they grow and are rotated, and folders into which a
capture program writes its files, and prints each finding once, when it is
certain: it stood in two looks at the evidence one after the other, and a journey
it is about had ended. Ctrl-C ends with the report of the last --window.

What was read is noted in a folder of its own (--state). Started again, watch
goes on where it was. Lines are counted from the beginning of the log that was
there at the first start, and count on when it is rotated.`,
			ES: `watch sigue los registros mientras crecen y rotan, y las carpetas en que un
programa de captura escribe sus archivos, y escribe cada hallazgo una vez, cuando
es seguro: estuvo en dos miradas seguidas a las pruebas, y un recorrido del que
trata había acabado. Ctrl-C termina con el informe de la última --window.

Lo leído se anota en una carpeta propia (--state). Al empezar de nuevo, watch
sigue donde estaba. Las líneas se cuentan desde el principio del registro que
había la primera vez, y la cuenta sigue cuando rota.`}),
		Example: `  tcpdump -i any -G 60 -w 'caps/web-%s.pcap' &
  flowcorr watch caps/ /var/log/nginx/access.log
  flowcorr watch --format jsonl caps/ /var/log/nginx/access.log | logger`,
		RunE: func(_ *cobra.Command, args []string) error {
			ctx, stop := untilSignal()
			defer stop()
			opt.Paths = args
			return env.watch(ctx, opt)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opt.State, "state", "", env.say(lang.Text{EN: "folder that notes what was read (default: one for these paths in the user's cache)", ES: "carpeta que anota lo leído (si falta: una para estas rutas en la caché del usuario)"}))
	f.DurationVar(&opt.Every, "every", 5*time.Second, env.say(lang.Text{EN: "look at the evidence this often at most", ES: "mira las pruebas como mucho así de a menudo"}))
	f.DurationVar(&opt.Window, "window", 15*time.Minute, env.say(lang.Text{EN: "look at evidence that arrived within this time", ES: "mira las pruebas que llegaron en este tiempo"}))
	f.BoolVar(&opt.FromStart, "from-start", false, env.say(lang.Text{EN: "read logs that are there from their beginning, not from their end", ES: "lee los registros que ya están desde el principio, no desde el final"}))
	duration := env.say(lang.Text{EN: "DURATION", ES: "DURACIÓN"})
	annotate(f.Lookup("state"), ownOptions, env.say(lang.Text{EN: "FOLDER", ES: "CARPETA"}), nil)
	annotate(f.Lookup("every"), ownOptions, duration, nil)
	annotate(f.Lookup("window"), ownOptions, duration, nil)
	env.takeFormat(cmd, lang.Text{}, "text", "jsonl")
	env.takeOnly(cmd, "output", "redact", "client", "server", "name", "service", "min-total", "rule", "severity", "strict")
	env.takeFailOn(cmd, "error")
	env.take(cmd, readingOptions, analysisOptions)
	return cmd
}

func (env *environment) watch(ctx context.Context, opt watch.Options) error {
	if len(opt.Paths) == 0 {
		return &usageError{env.say(lang.Text{EN: "nothing to watch given", ES: "no se dio nada que seguir"}),
			env.say(lang.Text{EN: "flowcorr watch PATH…: logs that grow, and folders into which a capture program writes", ES: "flowcorr watch RUTA…: registros que crecen y carpetas en que escribe un programa de captura"})}
	}
	if err := env.checkReportFiles(); err != nil {
		return err
	}
	if opt.State == "" {
		var err error
		if opt.State, err = watchState(opt.Paths); err != nil {
			return &usageError{err.Error(), env.say(lang.Text{EN: "name a folder with --state", ES: "nombre una carpeta con --state"})}
		}
	}
	read, err := env.readOptions(opt.Paths)
	if err != nil {
		return err
	}
	link, err := env.correlateOptions()
	if err != nil {
		return err
	}
	for _, p := range opt.Paths {
		if _, err := os.Stat(p); errors.Is(err, os.ErrNotExist) && !env.options.quiet {
			fmt.Fprintf(env.diag, "flowcorr: %s: %s\n", render.Printable(p), env.say(lang.Text{EN: "not there yet: waiting for it", ES: "aún no está: se espera a que aparezca"}))
		}
	}
	env.hintMissing(opt.Paths)
	opt.NoEvidence = incident.ErrNoInput
	tell := env.tellFinding
	if env.options.format == "jsonl" {
		tell = env.tellFindingRow
	}
	opt.Found = func(r *report.Report, f *report.Finding) error {
		env.judgeOne(f.Severity, f.Confidence)
		return tell(r, f)
	}
	opt.Problem = func(path string, err error) {
		if env.options.strict {
			env.status = exitDamaged
		}
		env.tellProblem(path, err)
	}
	opt.Set = env.tellClockSet
	var key []byte
	if env.options.redact {
		if key, err = lastingKey(opt.State, randomKey); err != nil {
			return fmt.Errorf("%w: %w", errWrite, err)
		}
	}
	opt.Analyse = func(ctx context.Context, folder string) (*report.Report, error) {
		r, err := env.watchReport(ctx, folder, read, link)
		if err != nil || key == nil {
			return r, err
		}
		return redact.NewLasting(key).Report(r)
	}
	r, err := watch.Run(ctx, opt)
	if errors.Is(err, watch.ErrBusy) {
		return &usageError{env.say(lang.Text{EN: "another flowcorr watch uses %s", ES: "otro flowcorr watch usa %s"}, opt.State), env.say(lang.Text{EN: "stop the other one, or name another folder with --state", ES: "pare el otro, o nombre otra carpeta con --state"})}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return env.endOfWatch(r)
}

// watchReport is the analysis of the evidence gathered so far.
func (env *environment) watchReport(ctx context.Context, folder string, read incident.Options, link correlate.Options) (*report.Report, error) {
	inc, err := incident.Read(ctx, []string{folder}, read)
	if err != nil {
		return nil, err
	}
	c := correlate.Correlate(inc, link)
	r, err := env.diagnosed(ctx, c)
	if err != nil {
		return nil, err
	}
	return env.chosen(r)
}

// watchState is the folder in the user's cache that belongs to these paths.
func watchState(paths []string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		io.WriteString(sum, abs+"\x00")
	}
	return filepath.Join(cache, "flowcorr", "watch-"+hex.EncodeToString(sum.Sum(nil)[:6])), nil
}

// tellFinding prints one finding for people.
func (env *environment) tellFinding(r *report.Report, f *report.Finding) error {
	_, err := fmt.Fprintf(env.out, "%s  %s  %s: %s\n", whenOf(r, f), render.Printable(f.Severity), render.Printable(f.Rule), render.Printable(f.Text))
	for _, e := range f.Evidence {
		what := ""
		switch {
		case e.Filter != "":
			what = e.Filter
		case len(e.Lines) > 0:
			what = strings.Trim(strings.Join(strings.Fields(fmt.Sprint(e.Lines[:min(8, len(e.Lines))])), ","), "[]")
		}
		if err == nil && what != "" {
			_, err = fmt.Fprintf(env.out, "    %s: %s\n", render.Printable(pathOf(r, e.Evidence)), render.Printable(what))
		}
	}
	return err
}

// findingRow is a finding as one line of JSON. It stands alone: it names files
// and endpoints, not the numbers that a report gives them.
type findingRow struct {
	Rule       string           `json:"rule"`
	ID         string           `json:"id"` // the same where the finding is told again
	Severity   string           `json:"severity"`
	Confidence string           `json:"confidence"`
	Text       string           `json:"text"`
	Start      *report.Instant  `json:"start,omitempty"` // of its first journey
	Client     string           `json:"client,omitempty"`
	Server     string           `json:"server,omitempty"`
	Name       string           `json:"name,omitempty"`
	Journeys   int              `json:"journeys"`
	Lost       *report.Seconds  `json:"lost_seconds,omitempty"`
	Evidence   []evidenceRow    `json:"evidence,omitempty"`
	Refuters   []report.Refuter `json:"refuters,omitempty"`
}

type evidenceRow struct {
	Path   string `json:"path"`
	Frames []int  `json:"frames,omitempty"`
	Filter string `json:"filter,omitempty"`
	Lines  []int  `json:"lines,omitempty"`
}

// tellFindingRow prints one finding for programs.
func (env *environment) tellFindingRow(r *report.Report, f *report.Finding) error {
	row := findingRow{ID: watch.Identity(r, f), Rule: f.Rule, Severity: f.Severity, Confidence: f.Confidence, Text: f.Text, Journeys: len(f.Journeys), Lost: f.Lost, Refuters: f.Refuters}
	if j := firstJourney(r, f); j != nil {
		row.Start, row.Client, row.Server, row.Name = &j.Start, j.Client, j.Server, j.Name
	}
	for _, e := range f.Evidence {
		row.Evidence = append(row.Evidence, evidenceRow{pathOf(r, e.Evidence), e.Frames, e.Filter, e.Lines})
	}
	return json.NewEncoder(report.InertJSON{W: env.out}).Encode(row)
}

// firstJourney is the earliest one a finding is about.
func firstJourney(r *report.Report, f *report.Finding) *report.Journey {
	var first *report.Journey
	for _, id := range f.Journeys {
		for i := range r.Journeys {
			if j := &r.Journeys[i]; j.ID == id && (first == nil || j.Start < first.Start) {
				first = j
			}
		}
	}
	return first
}

func whenOf(r *report.Report, f *report.Finding) string {
	if j := firstJourney(r, f); j != nil {
		return j.Start.String()
	}
	return "-"
}

func pathOf(r *report.Report, id string) string {
	for i := range r.Evidence {
		if r.Evidence[i].ID == id {
			return r.Evidence[i].Path
		}
	}
	return id
}

func (env *environment) tellProblem(path string, err error) {
	if env.options.quiet {
		return
	}
	if path != "" {
		path = render.Printable(path) + ": "
	}
	fmt.Fprintf(env.diag, "flowcorr: %s%s\n", path, render.Printable(render.Phrase(err.Error(), env.speaks)))
}

// tellClockSet says that the clock of this machine was set.
func (env *environment) tellClockSet(s watch.Set) {
	if env.options.quiet {
		return
	}
	text := lang.Text{
		EN: "the clock of this machine was set forward by %s, after %s: what is stamped from then on is on another scale",
		ES: "el reloj de este equipo se adelantó %s, después de %s: lo que lleva hora desde entonces está en otra escala"}
	switch {
	case s.AtLeast:
		text = lang.Text{
			EN: "the clock of this machine was set back by %s at least, after %s: it was started anew meanwhile, and nothing tells more",
			ES: "el reloj de este equipo se atrasó %s al menos, después de %s: se arrancó de nuevo entretanto, y nada dice más"}
	case s.By < 0:
		text = lang.Text{
			EN: "the clock of this machine was set back by %s, after %s: what is stamped from then on is on another scale",
			ES: "el reloj de este equipo se atrasó %s, después de %s: lo que lleva hora desde entonces está en otra escala"}
	}
	fmt.Fprintf(env.diag, "flowcorr: %s\n", env.say(text, s.By.Abs().Round(time.Millisecond), s.Since.UTC().Format(time.RFC3339)))
}

// checkReportFiles refuses files whose ending names no format: --format is here
// that of the findings.
func (env *environment) checkReportFiles() error {
	format := env.options.format
	defer func() { env.options.format = format }()
	env.options.format = ""
	return env.checkOutputs()
}

// endOfWatch prints the report of what was seen last.
func (env *environment) endOfWatch(r *report.Report) error {
	if r == nil {
		return incident.ErrNoInput
	}
	env.judge(r.Findings)
	env.strictlySaved(r)
	if env.options.format == "jsonl" && len(env.options.outputs) == 0 {
		return json.NewEncoder(report.InertJSON{W: env.out}).Encode(struct {
			Report *report.Report `json:"report"`
		}{r})
	}
	env.options.format = ""
	return env.deliver(r, env.speaks)
}
