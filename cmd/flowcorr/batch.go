package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/archive"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report/render"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

func batchCommand(env *environment) *cobra.Command {
	var out, memory string
	var query bool
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "batch ARCHIVE… --out FOLDER", ES: "batch ARCHIVO… --out CARPETA"}),
		Short: env.say(lang.Text{EN: "Analyse an archive of captures and logs, only what is new of it", ES: "Analizar un archivo de capturas y registros, solo lo nuevo"}),
		Long: env.say(lang.Text{
			EN: `batch analyses archives: thousands of captures and logs, rotated, compressed, of
several capture points. Each point is read in one pass, file after file, so that
connections that go on from one to the next are one; then stretches of time are
analysed with their logs. FOLDER holds the result:

  journeys/ findings/ clocks/   rows as Parquet and JSON Lines, by day (and point)
  files.jsonl                   what became of every file
  report.txt report.md report.html   trends over the days
  index/                        what is known, for the next run

Run again, batch reads only what is new or changed. Ended at any instant, it goes
on where it was; the result is the same, byte for byte.

With --query it reads no capture: it prints the rows of FOLDER that the options
choose. With --redact the rows, the trends and files.jsonl name nobody; index/ and
what is said on standard error do: keep them to yourself.`,
			ES: `batch analiza archivos: miles de capturas y registros, rotados, comprimidos, de
varios puntos de captura. Lee cada punto en una pasada, fichero tras fichero, de
modo que las conexiones que pasan de uno al siguiente son una; después analiza
ventanas de tiempo con sus registros. CARPETA guarda el resultado:

  journeys/ findings/ clocks/   filas en Parquet y JSON Lines, por día (y punto)
  files.jsonl                   qué fue de cada fichero
  report.txt report.md report.html   tendencias a lo largo de los días
  index/                        lo que ya se sabe, para la próxima vez

Al repetirlo, batch lee solo lo nuevo o cambiado. Interrumpido en cualquier
momento, sigue donde estaba; el resultado es el mismo, byte a byte.

Con --query no lee capturas: escribe las filas de CARPETA que eligen las opciones.
Con --redact, las filas, las tendencias y files.jsonl no nombran a nadie; index/ y
lo que se dice en la salida de errores sí: no los comparta.`}),
		Example: `  flowcorr batch captures/ logs/ --out result/
  flowcorr batch --query --out result/ --service https --min-total 1s
  duckdb -c "SELECT name, count(*) FROM 'result/journeys/*/*/*.parquet' GROUP BY name"`,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := env.checkBatch(out, query); err != nil {
				return err
			}
			if query {
				return env.queryArchive(out, args)
			}
			collectAtOnce()
			ctx, stop := untilSignal()
			defer stop()
			return env.batch(ctx, args, out, memory)
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", env.say(lang.Text{EN: "folder of the result and of the index; without --query, -o FOLDER says the same", ES: "carpeta del resultado y del índice; sin --query, -o CARPETA dice lo mismo"}))
	annotate(f.Lookup("out"), ownOptions, env.say(lang.Text{EN: "FOLDER", ES: "CARPETA"}), nil)
	f.StringVar(&memory, "memory", "512MB", env.say(lang.Text{EN: "memory that may be used", ES: "memoria que se puede usar"}))
	annotate(f.Lookup("memory"), ownOptions, env.say(lang.Text{EN: "SIZE", ES: "TAMAÑO"}), nil)
	f.BoolVar(&query, "query", false, env.say(lang.Text{EN: "print rows of the result, without reading captures again", ES: "escribe filas del resultado, sin volver a leer capturas"}))
	annotate(f.Lookup("query"), ownOptions, "", nil)
	env.takeFormat(cmd, lang.Text{EN: "of --query; default: text", ES: "de --query; si falta: text"}, "text", "jsonl")
	env.take(cmd, readingOptions, analysisOptions, choosingOptions)
	env.takeOnly(cmd, "redact", "strict")
	env.takePartOutput(cmd)
	settle := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if o := &env.options; !query && out == "" && len(o.outputs) == 1 && !ofRows(o.outputs[0]) {
			out, o.outputs = o.outputs[0], nil
		}
		return settle(cmd, args)
	}
	env.takeFailOn(cmd, "never")
	return cmd
}

// checkBatch refuses options that say nothing, or contradict each other.
func (env *environment) checkBatch(out string, query bool) error {
	if out == "" {
		return &usageError{env.say(lang.Text{EN: "no folder for the result given", ES: "no se dio carpeta para el resultado"}),
			env.say(lang.Text{EN: "flowcorr batch ARCHIVE… --out FOLDER", ES: "flowcorr batch ARCHIVO… --out CARPETA"})}
	}
	if !query && (env.options.format != "" || len(env.options.outputs) > 0) {
		return &usageError{env.say(lang.Text{EN: "--format and -o are of the rows that --query prints", ES: "--format y -o son de las filas que escribe --query"}),
			env.say(lang.Text{EN: "the result goes to --out FOLDER: rows as Parquet and JSON Lines, report.txt, report.md and report.html", ES: "el resultado va a --out CARPETA: filas como Parquet y JSON Lines, report.txt, report.md y report.html"})}
	}
	if query && env.options.redact {
		return &usageError{env.say(lang.Text{EN: "--query prints the result as it was made", ES: "--query escribe el resultado como se hizo"}),
			env.say(lang.Text{EN: "make it with --redact: flowcorr batch ARCHIVE… --out FOLDER --redact", ES: "hágalo con --redact: flowcorr batch ARCHIVO… --out CARPETA --redact"})}
	}
	if query {
		return env.refuseGiven(lang.Text{EN: "--query prints the result as it was made", ES: "--query escribe el resultado como se hizo"},
			lang.Text{EN: "give the option where the result is made", ES: "dé la opción al hacer el resultado"}, []optionGroup{readingOptions, analysisOptions}, "strict")
	}
	return nil
}

// ofRows tells a file of rows from a folder of a result, by its ending.
func ofRows(path string) bool {
	return slices.ContainsFunc(partEndings, func(p struct{ format, ending string }) bool { return filepath.Ext(path) == p.ending })
}

// archiveRedactor is what replaces who and where in the result; nil without
// --redact. Its secret is kept in the index, so that what comes later is replaced
// alike.
func (env *environment) archiveRedactor(paths []string, out string) (archive.Redactor, error) {
	index := filepath.Join(out, "index")
	if !env.options.redact {
		if err := os.Remove(filepath.Join(index, keyName)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		return nil, nil
	}
	key, err := lastingKey(index, func() []byte { return env.secretOf(paths) })
	return rowRedactor{key}, err
}

// batch analyses an archive and writes the trends beside its tables.
func (env *environment) batch(ctx context.Context, paths []string, out, memory string) error {
	bytes, err := byteSize(memory)
	if err != nil {
		return &usageError{env.say(lang.Text{EN: "--memory %s: not a size", ES: "--memory %s: no es un tamaño"}, memory), env.say(lang.Text{EN: "for example 512MB or 4GB", ES: "por ejemplo 512MB o 4GB"})}
	}
	if len(paths) == 0 {
		return &usageError{env.say(lang.Text{EN: "no archive given", ES: "no se dio archivo"}),
			env.say(lang.Text{EN: "flowcorr batch ARCHIVE… --out FOLDER: folders with captures and logs, or the files themselves", ES: "flowcorr batch ARCHIVO… --out CARPETA: carpetas con capturas y registros, o los ficheros mismos"})}
	}
	if words := env.options.choice.words(); words != "" {
		return &usageError{env.say(lang.Text{EN: "%s: an archive is analysed whole", ES: "%s: un archivo se analiza entero"}, words),
			env.say(lang.Text{EN: "choose from the result with --query", ES: "elija del resultado con --query"})}
	}
	opt := archive.Options{Paths: paths, Out: out, Memory: bytes, Jobs: env.options.jobs, Version: version(), Report: env.diagnosed}
	if opt.Read, err = env.readOptions(paths); err != nil {
		return err
	}
	if opt.Link, err = env.correlateOptions(); err != nil {
		return err
	}
	opt.Settings = env.settings()
	if opt.Redact, err = env.archiveRedactor(paths, out); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	if bytes < leastMemory && !env.options.quiet {
		fmt.Fprintf(env.diag, "flowcorr: %s\n", env.say(lang.Text{
			EN: "--memory %s: about %d MB may be taken all the same: by the program, what unpacks files, and the smallest window",
			ES: "--memory %s: aun así se pueden tomar unos %d MB: el programa, lo que descomprime ficheros y la ventana más pequeña"}, memory, leastMemory/1_000_000))
	}
	defer bound(bytes, opt.Jobs)()
	shown := env.watchProgress(paths, archivePasses)
	opt.Progress = shown.ofBatch(env)
	r, err := archive.Run(ctx, opt)
	shown.done()
	switch {
	case errors.Is(err, archive.ErrBusy):
		return &usageError{env.say(lang.Text{EN: "another run works on %s", ES: "otra ejecución trabaja en %s"}, out), env.say(lang.Text{EN: "wait for it, or name another folder with --out", ES: "espere a que acabe, o nombre otra carpeta con --out"})}
	case ctx.Err() != nil:
		fmt.Fprintf(env.diag, "flowcorr: %s\n", env.say(lang.Text{EN: "interrupted; nothing is lost", ES: "interrumpido; no se pierde nada"}))
		env.hint(env.say(lang.Text{EN: "the same command goes on where it was", ES: "la misma orden sigue donde estaba"}))
		env.status = exitInterrupted
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	if err := env.writeTrends(out, r.Summary); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	if err := env.judgeResult(out); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return env.endOfBatch(out, r)
}

// judgeResult sets the exit status by all findings of a result, where --fail-on
// asks for that.
func (env *environment) judgeResult(out string) error {
	if env.options.failOn == "never" {
		return nil
	}
	return archive.EachRow(out, "findings", func(f *trend.FindingRow) error {
		env.judgeOne(f.Severity, f.Confidence)
		return nil
	})
}

// leastMemory is what batch may take whatever the limit, bytes: archives in which some
// thousand journeys begin in a second took 143 to 192 MB of 128, and where more do a window
// with what lies beside it takes more.
const leastMemory = 200_000_000

// bound keeps the program within memory and processors, and uses the memory: the
// runtime looks for what is no longer needed when the heap has grown to four fifths of
// the limit. Beyond that it gives memory back and asks for it again, which took a
// twentieth of the work with nine tenths. What is left of memory is what the runtime does
// not count: the program's code and what files are read through. GOGC is respected. What
// is returned takes the limits back: what the process does next is bound no more.
func bound(memory int64, jobs int) (undo func()) {
	limit := max(memory-memory/14-32<<20, 64<<20)
	before, processors := debug.SetMemoryLimit(limit), runtime.GOMAXPROCS(min(jobs, runtime.NumCPU()))
	if os.Getenv("GOGC") == "" {
		room := func() {
			live, globals := living()
			debug.SetGCPercent(percentWithin(uint64(limit-limit/5), live, globals))
		}
		room()
		afterEachCollection(room)
	}
	return func() {
		debug.SetMemoryLimit(before)
		runtime.GOMAXPROCS(processors)
	}
}

// settings are the options that the rows depend on.
func (env *environment) settings() string {
	o := &env.options
	thresholds, budgets := env.caseFile.Rules()
	return fmt.Sprint(env.speaks, o.keylogs, o.zones, o.offsets, o.refClock, o.raw, o.baseline, o.redact, thresholds, budgets, env.caseFile)
}

// writeTrends writes the trends in every form.
func (env *environment) writeTrends(out string, s *trend.Summary) error {
	for ending, write := range map[string]func(io.Writer, *trend.Summary, render.TextOptions) error{
		"txt": render.Trends, "md": render.TrendsMarkdown, "html": render.TrendsHTML,
	} {
		err := wholefile.Write(filepath.Join(out, "report."+ending), 0o666, func(w io.Writer) error { return write(w, s, render.TextOptions{Lang: env.speaks, Width: 120}) })
		if err != nil {
			return err
		}
	}
	return nil
}

// outcomes are what may become of a file, as people read it.
var outcomes = map[string]lang.Text{
	archive.Done: {EN: "done", ES: "completo"}, archive.Partial: {EN: "in part", ES: "en parte"}, archive.Failed: {EN: "failed", ES: "fallido"}, archive.Copy: {EN: "a copy", ES: "una copia"},
}

// endOfBatch says what was done, and which files could not be used.
func (env *environment) endOfBatch(out string, r *archive.Result) error {
	count, noted := map[string]int{}, map[string]bool{} // a note of many files is said once
	for _, f := range r.Files {
		count[f.Outcome]++
		if f.Note != "" && !noted[f.Note] && !env.options.quiet {
			noted[f.Note] = true
			fmt.Fprintf(env.diag, "flowcorr: %s: %s\n", render.Printable(f.Path), render.Printable(render.Phrase(f.Note, env.speaks)))
		}
		if f.Outcome == archive.Done || f.Outcome == archive.Copy {
			continue
		}
		if env.options.strict {
			env.status = exitDamaged
		}
		if env.options.quiet {
			continue
		}
		fmt.Fprintf(env.diag, "flowcorr: %s: %s: %s\n", render.Printable(f.Path), env.say(outcomes[f.Outcome]), render.Printable(render.Phrase(f.Reason, env.speaks)))
	}
	err := env.print(func(w io.Writer) error {
		if err := render.Trends(w, r.Summary, env.textOptions(env.speaks, w)); err != nil {
			return err
		}
		_, err := fmt.Fprintln(w, env.say(lang.Text{
			EN: "\nFiles: %d (done: %d, in part: %d, failed: %d, copies: %d). Windows: %d, analysed now: %d. Result in %s",
			ES: "\nFicheros: %d (completos: %d, en parte: %d, fallidos: %d, copias: %d). Ventanas: %d, analizadas ahora: %d. Resultado en %s"},
			len(r.Files), count[archive.Done], count[archive.Partial], count[archive.Failed], count[archive.Copy], r.Windows, r.Fresh, render.Printable(out)))
		return err
	})
	if err == nil && len(r.Files) == count[archive.Failed] { // none at all as well
		err = incident.NoneUsable(len(r.Files))
	}
	return err
}

// archivePasses is how often the bytes of an archive count: every file is read once
// for its sum, captures once more for their flows, and what they hold is analysed.
const archivePasses = 3

// ofBatch shows how far the work on an archive is.
func (p *progress) ofBatch(env *environment) func(archive.Step) {
	if p == nil {
		return nil
	}
	names := map[string]string{
		"scan": env.say(lang.Text{EN: "looking", ES: "mirando"}), "read": env.say(lang.Text{EN: "reading", ES: "leyendo"}),
		"analyse": env.say(lang.Text{EN: "analysing", ES: "analizando"}),
	}
	files := env.say(lang.Text{EN: "files", ES: "ficheros"})
	units := map[string]string{"scan": files, "read": files, "analyse": env.say(lang.Text{EN: "windows", ES: "ventanas"})}
	done := map[string]int{}
	var mu sync.Mutex
	return func(s archive.Step) {
		mu.Lock()
		done[s.Stage] += s.Files
		p.count(fmt.Sprintf("  %d/%d %s", done[s.Stage], s.Of, units[s.Stage]))
		mu.Unlock()
		p.enter(names[s.Stage])
		p.add(int(s.Bytes))
	}
}

// byteSize reads a number of bytes with an optional unit, decimal or binary.
func byteSize(text string) (int64, error) {
	units := []struct {
		name string
		size int64
	}{{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}}
	text = strings.ToUpper(strings.TrimSpace(text))
	for _, u := range units {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
			if err != nil || v <= 0 || v > 1e6 && u.size > 1<<20 {
				return 0, fmt.Errorf("not a size: %s", text)
			}
			return int64(v * float64(u.size)), nil
		}
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v <= 0 {
		return 0, fmt.Errorf("not a size: %s", text)
	}
	return v, nil
}
