package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/redact"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func reportCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "report PATH…", ES: "report RUTA…"}),
		Short: env.say(lang.Text{EN: "Analyse evidence and print the report", ES: "Analizar las pruebas y escribir el informe"}),
		Long: env.say(lang.Text{
			EN: `report analyses the evidence under the paths, all together, and prints: the answer;
where the time went; the timeline of the journey that shows it best; the log lines
that belong to it; what proves it and what would refute it; the other findings; the
clocks; the journeys; the checklist of evidence; and every file.`,
			ES: `report analiza juntas las pruebas que hay bajo las rutas y escribe: la respuesta;
dónde se fue el tiempo; la cronología del recorrido que mejor lo muestra; las
líneas de registro que le pertenecen; qué lo prueba y qué lo refutaría; los otros
hallazgos; los relojes; los recorridos; la lista de comprobación de las pruebas; y
cada archivo.`}),
		Example: `  flowcorr report incident/
  flowcorr report --lang es -o informe.md incident/
  flowcorr report --client 10.1.1.7 --min-total 1s incident/
  flowcorr report --format json client.pcap access.log > report.json`,
		RunE: func(_ *cobra.Command, args []string) error { return runReport(env, args) },
	}
	reportFlags(cmd, env)
	return cmd
}

// reportFlags are the options of report, which the bare command takes as well.
func reportFlags(cmd *cobra.Command, env *environment) {
	env.takeFormat(cmd, byEnding, formatNames()...)
	env.take(cmd, readingOptions, analysisOptions, choosingOptions)
	env.takeOnly(cmd, "output", "redact", "strict")
	env.takeFailOn(cmd, "error")
}

var byEnding = lang.Text{EN: "default: by the ending of -o, else text", ES: "si falta: por la terminación de -o, si no text"}

// formats of a report, by their names and the endings that pick them.
var formats = []struct {
	name, ending string
	write        func(io.Writer, *report.Report, render.TextOptions) error
}{
	{"text", ".txt", render.Text},
	{"json", ".json", func(w io.Writer, r *report.Report, _ render.TextOptions) error { return report.Encode(w, r) }},
	{"markdown", ".md", func(w io.Writer, r *report.Report, o render.TextOptions) error { return render.Markdown(w, r, o.Lang) }},
	{"html", ".html", func(w io.Writer, r *report.Report, o render.TextOptions) error { return render.HTML(w, r, o.Lang) }},
}

func formatNames() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

func runReport(env *environment, args []string) error {
	if err := env.checkOutputs(); err != nil {
		return err
	}
	r, l, err := env.analysedReport(args)
	if err != nil {
		return err
	}
	return env.deliver(r, l)
}

// checkOutputs refuses files whose ending names no format before any work is
// done.
func (env *environment) checkOutputs() error {
	for _, path := range env.options.outputs {
		if _, err := env.formatOf(path); err != nil {
			return err
		}
	}
	return env.checkFolders()
}

// analyse reads the evidence and correlates it.
func (env *environment) analyse(paths []string) (*correlate.Case, error) {
	if len(paths) == 0 {
		return nil, &usageError{env.say(lang.Text{EN: "no evidence given", ES: "no se dieron pruebas"}),
			env.say(lang.Text{EN: "flowcorr report FOLDER: a folder with captures and logs, or the files themselves", ES: "flowcorr report CARPETA: una carpeta con capturas y registros, o los archivos mismos"})}
	}
	read, err := env.readOptions(paths)
	if err != nil {
		return nil, err
	}
	link, err := env.correlateOptions()
	if err != nil {
		return nil, err
	}
	env.hintMissing(paths)
	if err := env.checkSettings(); err != nil {
		return nil, err
	}
	bar := env.watchProgress(paths, 1)
	defer bar.done()
	read.Progress = bar.counter()
	if env.linesOnly {
		paceMemory(hard)
	} else {
		paceMemory(easy)
	}
	inc, err := incident.Read(context.Background(), paths, read)
	if err != nil {
		bar.done()
		if len(inc.Files) > 1 || env.options.verbose { // else the error says it
			env.narrate(inc)
		}
		return nil, err
	}
	bar.enter(env.say(lang.Text{EN: "correlating", ES: "correlando"}))
	c := correlate.Correlate(inc, link)
	bar.done()
	env.narrate(inc)
	return c, nil
}

// prepared is a report as it is shown, and its findings decide the exit status.
func (env *environment) prepared(r *report.Report) (*report.Report, error) {
	r, err := env.shown(r)
	if err != nil {
		return nil, err
	}
	env.judge(r.Findings)
	return r, nil
}

// shown is the part of a report that was chosen, redacted where asked for.
func (env *environment) shown(r *report.Report) (*report.Report, error) {
	r, err := env.chosen(r)
	if err != nil || !env.options.redact {
		return r, err
	}
	return redact.Report(r)
}

// narrate says on standard error which files could not be used, and notes for
// --strict that there are such.
func (env *environment) narrate(inc *incident.Incident) {
	unknown := 0
	for _, f := range inc.Files {
		if env.options.strict && len(f.Problems) > 0 {
			env.status = exitDamaged
		}
		if env.options.quiet {
			continue
		}
		if env.options.verbose {
			fmt.Fprintf(env.diag, "flowcorr: %s: %s, %d B, %s\n", render.Printable(f.Path), f.Kind, f.Bytes, env.say(lang.Text{EN: "%d records", ES: "%d registros"}, f.Records))
		}
		if f.Kind == incident.Unrecognised && !env.options.verbose {
			if unknown++; unknown > unknownTold {
				continue
			}
		}
		for i, p := range f.Problems {
			if i == 3 && !env.options.verbose {
				fmt.Fprintf(env.diag, "flowcorr: %s: %s\n", render.Printable(f.Path), env.say(lang.Text{EN: "… and %d more (-v tells them)", ES: "… y %d más (-v los dice)"}, len(f.Problems)-i))
				break
			}
			fmt.Fprintf(env.diag, "flowcorr: %s: %s%s\n", render.Printable(f.Path), env.position(p), render.Printable(render.Phrase(p.Text, env.speaks)))
		}
	}
	if unknown > unknownTold {
		fmt.Fprintf(env.diag, "flowcorr: %s\n", env.say(lang.Text{
			EN: "… and %d more files of unknown kind (-v tells them; is this the folder you meant?)",
			ES: "… y %d archivos más de tipo desconocido (-v los dice; ¿es esta la carpeta?)"}, unknown-unknownTold))
	}
}

// unknownTold is of how many files of unknown kind each is told: a folder that was
// meant otherwise holds thousands.
const unknownTold = 10

// position names the place of a problem, where it has one.
func (env *environment) position(p incident.Problem) string {
	var parts []string
	if p.Record > 0 {
		parts = append(parts, env.say(lang.Text{EN: "record %d", ES: "registro %d"}, p.Record))
	}
	if p.Offset > 0 {
		parts = append(parts, fmt.Sprintf("byte %d", p.Offset))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + ": "
}

// deliver writes the report to every output asked for.
func (env *environment) deliver(r *report.Report, l lang.Lang) error {
	if len(env.options.outputs) == 0 {
		write, err := env.formatOf("")
		if err != nil {
			return err
		}
		return env.print(func(w io.Writer) error { return write(w, r, env.textOptions(l, w)) })
	}
	for _, path := range env.options.outputs {
		write, err := env.formatOf(path)
		if err != nil {
			return err
		}
		if err := wholefile.Write(path, 0o666, func(w io.Writer) error { return write(w, r, fileText(l)) }); err != nil {
			return fmt.Errorf("%w %s: %w", errWrite, path, err)
		}
	}
	return nil
}

// formatOf picks a format by --format, else by the ending of path, else text.
func (env *environment) formatOf(path string) (func(io.Writer, *report.Report, render.TextOptions) error, error) {
	var endings []string
	for _, f := range formats {
		if env.options.format == f.name || env.options.format == "" && filepath.Ext(path) == f.ending {
			return f.write, nil
		}
		endings = append(endings, f.ending)
	}
	if path == "" {
		return formats[0].write, nil
	}
	return nil, env.noEnding(path, endings)
}

// fileText is how text is written into files.
func fileText(l lang.Lang) render.TextOptions { return render.TextOptions{Lang: l, Width: 120} }

// noEnding says that the ending of an output names no format.
func (env *environment) noEnding(path string, endings []string) error {
	text := env.say(lang.Text{EN: "%s: the ending %q names no format", ES: "%s: la terminación %q no nombra ningún formato"}, path, filepath.Ext(path))
	if filepath.Ext(path) == "" {
		text = env.say(lang.Text{EN: "%s: a name without an ending names no format", ES: "%s: un nombre sin terminación no nombra ningún formato"}, path)
	}
	return &usageError{text,
		env.say(lang.Text{EN: "use %s, or add --format", ES: "use %s, o añada --format"}, env.either(endings))}
}

// judge sets the exit status that --fail-on asks for at these findings; one that
// says more already stays.
func (env *environment) judge(findings []report.Finding) {
	for i := range findings {
		env.judgeOne(findings[i].Severity, findings[i].Confidence)
	}
}

func (env *environment) judgeOne(severity, confidence string) {
	bar := report.SeverityRank(env.options.failOn) // -1: never
	if env.status == exitDone && bar >= 0 && report.SeverityRank(severity) >= bar && confidence != diagnose.NotEvaluable.String() {
		env.status = exitFindings
	}
}
