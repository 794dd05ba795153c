package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/compare"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func compareCommand(env *environment) *cobra.Command {
	var by string
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "compare A B | compare PATH… --by KEY", ES: "compare A B | compare RUTA… --by CLAVE"}),
		Short: env.say(lang.Text{EN: "Tell which phase differs between two days, or between groups of one", ES: "Decir qué fase difiere entre dos días, o entre grupos de uno"}),
		Long: env.say(lang.Text{
			EN: `compare measures every phase of every service in groups and says which phase
differs, by how much, and whether the difference could be chance (rank test of Mann
and Whitney). The groups are two folders (a good day and a bad one; saved reports
will do, too), or with --by those of one folder:

  repetition        the same action again and again: mean, σ, outliers
  ip-version        IPv4 and IPv6
  transport         UDP and TCP
  server            by address and port
  name-or-address   called by name (looked up) or by address
  tls-resumed       sessions resumed and new
  hour              by hour, UTC
  client            by address

A journey beyond the fence of its group is an outlier and comes with its cause.`,
			ES: `compare mide cada fase de cada servicio por grupos y dice qué fase difiere, en
cuánto, y si la diferencia podría ser azar (prueba de rangos de Mann y Whitney).
Los grupos son dos carpetas (un día bueno y uno malo; también valen informes
guardados) o, con --by, los de una carpeta:

  repetition        la misma acción una y otra vez: media, σ, valores atípicos
  ip-version        IPv4 e IPv6
  transport         UDP y TCP
  server            por dirección y puerto
  name-or-address   llamado por nombre (con resolución) o por dirección
  tls-resumed       sesiones reanudadas y nuevas
  hour              por hora, UTC
  client            por dirección

Un recorrido más allá de la valla de su grupo es un valor atípico y lleva su causa.`}),
		Example: `  flowcorr compare good/ bad/
  flowcorr compare --by ip-version incident/
  flowcorr compare --by transport --service dns incident/
  flowcorr compare --format json monday.json tuesday.json`,
		RunE: func(_ *cobra.Command, args []string) error { return runCompare(env, args, by) },
	}
	env.takeFormat(cmd, byEnding, "text", "json", "markdown")
	var keys []string
	for _, k := range compare.Keys {
		keys = append(keys, k.Name)
	}
	cmd.Flags().StringVar(&by, "by", "", env.say(lang.Text{EN: "what makes the groups: %s", ES: "lo que forma los grupos: %s"}, env.either(keys)))
	annotate(cmd.Flags().Lookup("by"), ownOptions, env.say(lang.Text{EN: "KEY", ES: "CLAVE"}), keys)
	env.take(cmd, readingOptions, analysisOptions, choosingOptions)
	env.takeOnly(cmd, "output", "redact", "strict")
	env.takeFailOn(cmd, "never")
	return cmd
}

func runCompare(env *environment, args []string, by string) error {
	for _, path := range env.options.outputs {
		if _, err := env.comparisonFormat(path); err != nil {
			return err
		}
	}
	if err := env.checkFolders(); err != nil {
		return err
	}
	c, err := env.compared(args, by)
	if err != nil {
		return err
	}
	if len(env.options.outputs) == 0 {
		write, err := env.comparisonFormat("")
		if err != nil {
			return err
		}
		return env.print(func(w io.Writer) error { return write(w, c, env.textOptions(env.speaks, w)) })
	}
	for _, path := range env.options.outputs {
		write, err := env.comparisonFormat(path)
		if err != nil {
			return err
		}
		if err := wholefile.Write(path, 0o666, func(w io.Writer) error { return write(w, c, fileText(env.speaks)) }); err != nil {
			return fmt.Errorf("%w %s: %w", errWrite, path, err)
		}
	}
	return nil
}

// compared analyses what the arguments name and compares it.
func (env *environment) compared(args []string, by string) (*compare.Comparison, error) {
	if by != "" {
		r, err := env.reportOf(args)
		if err != nil {
			return nil, err
		}
		return compare.By(*compare.KeyNamed(by), r), nil
	}
	if len(args) != 2 {
		return nil, &usageError{env.say(lang.Text{EN: "compare takes two folders, or --by", ES: "compare toma dos carpetas, o --by"}),
			env.say(lang.Text{EN: "flowcorr compare GOOD BAD, or flowcorr compare --by repetition FOLDER", ES: "flowcorr compare BIEN MAL, o flowcorr compare --by repetition CARPETA"})}
	}
	var reports []*report.Report
	for _, path := range args {
		r, err := env.reportOf([]string{path})
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	names := distinctNames(args[0], args[1])
	if env.options.redact {
		names = []string{"A", "B"}
	}
	return compare.Folders(names, reports), nil
}

// reportOf is the saved report a single path names, else that of the evidence.
func (env *environment) reportOf(paths []string) (*report.Report, error) {
	if len(paths) == 1 && strings.EqualFold(filepath.Ext(paths[0]), ".json") {
		if f, err := os.Open(paths[0]); err == nil {
			defer f.Close()
			if r, err := report.Decode(f); err == nil {
				if err := env.refuseGiven(lang.Text{EN: "a saved report is not analysed anew", ES: "un informe guardado no se analiza de nuevo"},
					lang.Text{EN: "give the evidence itself, or make the report with the option", ES: "dé las pruebas mismas, o haga el informe con la opción"}, []optionGroup{readingOptions, analysisOptions}); err != nil {
					return nil, err
				}
				env.strictlySaved(r)
				return env.prepared(r)
			}
		}
	}
	r, _, err := env.analysedReport(paths)
	return r, err
}

// distinctNames are the shortest ends of two paths that differ.
func distinctNames(a, b string) []string {
	x, y := strings.Split(filepath.ToSlash(filepath.Clean(a)), "/"), strings.Split(filepath.ToSlash(filepath.Clean(b)), "/")
	for n := 1; n <= min(len(x), len(y)); n++ {
		p, q := x[len(x)-n], y[len(y)-n]
		if p != q {
			return []string{p, q}
		}
	}
	return []string{a, b}
}

func (env *environment) comparisonFormat(path string) (func(io.Writer, *compare.Comparison, render.TextOptions) error, error) {
	name := env.options.format
	if name == "" {
		name = map[string]string{"": "text", ".txt": "text", ".json": "json", ".md": "markdown"}[filepath.Ext(path)]
	}
	switch name {
	case "text":
		return render.Comparison, nil
	case "markdown":
		return render.ComparisonMarkdown, nil
	case "json":
		return func(w io.Writer, c *compare.Comparison, _ render.TextOptions) error { return report.EncodePart(w, c) }, nil
	}
	return nil, env.noEnding(path, []string{".txt", ".json", ".md"})
}
