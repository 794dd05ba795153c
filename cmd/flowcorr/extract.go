package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/archive"
	"github.com/flowcorr/flowcorr/pkg/casefile"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
	"github.com/flowcorr/flowcorr/pkg/unpack"
)

func extractCommand(env *environment) *cobra.Command {
	var out, about, index string
	cmd := &cobra.Command{
		Use:   env.say(lang.Text{EN: "extract PATH… --out FOLDER", ES: "extract RUTA… --out CARPETA"}),
		Short: env.say(lang.Text{EN: "Cut the packets and lines of some journeys out of the evidence", ES: "Recortar de las pruebas los paquetes y líneas de algunos recorridos"}),
		Long: env.say(lang.Text{
			EN: `extract writes a small folder of evidence that report reads like any other: the
packets of the journeys chosen (their connections, the names they waited for), the
log lines around those that tell of them without those of others, what was measured
of the clocks on the whole, and for a finding a few ordinary journeys to compare
with. Choose by --about (as in explain: a journey, a finding,
FILE#FRAME, FILE:LINE, ADDRESS[:PORT]), or by client, server, name, service, time,
rule and severity.

With --index FOLDER, the result of flowcorr batch, only those files under the paths
are read that hold the journeys asked for.

Packets and lines are copied as they are, with every address, name and path in
them: extract does not redact. To share what names nobody, share a report:
flowcorr report --redact.`,
			ES: `extract escribe una carpeta pequeña de pruebas que report lee como cualquier otra:
los paquetes de los recorridos elegidos (sus conexiones, los nombres que
esperaron), las líneas de registro alrededor de las que hablan de ellos sin las de
otros, lo que se midió de los relojes en el conjunto, y para un hallazgo unos pocos
recorridos corrientes con que comparar. Elija con --about
(como en explain: un recorrido, un hallazgo, ARCHIVO#TRAMA, ARCHIVO:LÍNEA,
DIRECCIÓN[:PUERTO]), o por cliente, servidor, nombre, servicio, hora, regla y
gravedad.

Con --index CARPETA, el resultado de flowcorr batch, solo se leen los ficheros bajo
las rutas que guardan los recorridos pedidos.

Los paquetes y líneas se copian como son, con las direcciones, nombres y rutas que
llevan: extract no anonimiza. Para compartir lo que no nombra a nadie, comparta un
informe: flowcorr report --redact.`}),
		Example: `  flowcorr extract incident/ --about f1 --out small/
  flowcorr extract captures/ logs/ --index result/ --client 10.1.1.7 --since 2026-01-15T10:00:00Z --out small/`,
		RunE: func(_ *cobra.Command, args []string) error { return env.extract(args, about, index, out) },
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", env.say(lang.Text{EN: "new folder for what is cut out", ES: "carpeta nueva para lo recortado"}))
	annotate(f.Lookup("out"), ownOptions, env.say(lang.Text{EN: "FOLDER", ES: "CARPETA"}), nil)
	f.StringVar(&about, "about", "", env.say(lang.Text{EN: "journey, finding, FILE#FRAME, FILE:LINE or ADDRESS[:PORT]", ES: "recorrido, hallazgo, ARCHIVO#TRAMA, ARCHIVO:LÍNEA o DIRECCIÓN[:PUERTO]"}))
	annotate(f.Lookup("about"), ownOptions, "X", nil)
	f.StringVar(&index, "index", "", env.say(lang.Text{EN: "result of flowcorr batch that tells which files to read", ES: "resultado de flowcorr batch que dice qué ficheros leer"}))
	annotate(f.Lookup("index"), ownOptions, env.say(lang.Text{EN: "FOLDER", ES: "CARPETA"}), nil)
	env.take(cmd, readingOptions, analysisOptions, choosingOptions)
	env.takeOnly(cmd, "strict")
	env.takeFailOn(cmd, "never")
	return cmd
}

func (env *environment) extract(paths []string, about, index, out string) error {
	if about == "" && env.options.choice.words() == "" {
		return &usageError{env.say(lang.Text{EN: "nothing to extract given", ES: "no se dijo qué recortar"}),
			env.say(lang.Text{EN: "choose with --about f1, or with --client, --server, --name, --since, --until, --rule …", ES: "elija con --about f1, o con --client, --server, --name, --since, --until, --rule …"})}
	}
	err := env.emptyFolder(out)
	if err != nil {
		return err
	}
	if index != "" {
		if env.only, err = env.filesByIndex(paths, index); err != nil {
			return err
		}
	}
	env.options.frames = true
	c, err := env.analyse(paths)
	if err != nil {
		return err
	}
	r, err := env.diagnosed(context.Background(), c)
	if err != nil {
		return err
	}
	chosen, err := env.journeysAbout(r, about)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		return env.nothingChosen(about)
	}
	return env.writeExtract(c, r, chosen, out)
}

// emptyFolder refuses a folder with something in it: evidence of two cuts would
// mix.
func (env *environment) emptyFolder(out string) error {
	hint := env.say(lang.Text{EN: "flowcorr extract PATH… --out FOLDER", ES: "flowcorr extract RUTA… --out CARPETA"})
	if out == "" {
		return &usageError{env.say(lang.Text{EN: "no folder for the result given", ES: "no se dio carpeta para el resultado"}), hint}
	}
	entries, err := os.ReadDir(out)
	if len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
		return &usageError{env.say(lang.Text{EN: "%s is not an empty folder", ES: "%s no es una carpeta vacía"}, out), hint}
	}
	return nil
}

// filesByIndex are the files under paths that hold the journeys the options
// choose, as an earlier run on the archive knows them.
func (env *environment) filesByIndex(paths []string, index string) (map[string]bool, error) {
	if _, err := os.Stat(filepath.Join(index, "index", keyName)); err == nil {
		return nil, &usageError{env.say(lang.Text{EN: "%s was made with --redact: it does not say which files to read", ES: "%s se hizo con --redact: no dice qué ficheros leer"}, index),
			env.say(lang.Text{EN: "leave --index out, or make the result without --redact in another folder", ES: "omita --index, o haga el resultado sin --redact en otra carpeta"})}
	}
	first, err := archive.FirstDay(index)
	if err != nil {
		return nil, env.noResult(index)
	}
	s, err := env.selection()
	if err != nil {
		return nil, err
	}
	s.Since, s.Until = env.options.choice.span(first)
	var stamped, corrected archive.Span
	about := func(row *trend.JourneyRow) bool { return wanted(&s, rowJourney(row)) }
	if c := &env.options.choice; len(c.rules) > 0 || c.severity != "" {
		err = archive.EachRow(index, "findings", func(row *trend.FindingRow) error {
			if row.Journeys > 0 && wantedFinding(&s, row) {
				stamped.Include(*row.Start, *row.End)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		of := stamped
		about = func(row *trend.JourneyRow) bool { return row.Start >= of.From && row.Start <= of.To }
	}
	err = archive.EachRow(index, "journeys", func(row *trend.JourneyRow) error {
		if !about(row) {
			return nil
		}
		j := rowJourney(row)
		end := int64(*cmp.Or(j.End, &j.Start))
		stamped.Include(row.Start, end)
		if row.Corrected != nil {
			corrected.Include(*row.Corrected, *row.Corrected+end-row.Start)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if stamped.From == 0 {
		return nil, fmt.Errorf("%w: %s", incident.ErrNoInput, env.say(lang.Text{EN: "no journey of the result is like that", ES: "ningún recorrido del resultado es así"}))
	}
	return archive.Overlapping(index, paths, stamped, corrected)
}

// journeysAbout are the journeys that --about and the choosing options name.
func (env *environment) journeysAbout(r *report.Report, about string) (map[string]bool, error) {
	part, err := env.prepared(r)
	if err != nil {
		return nil, err
	}
	journeys := part.Journeys
	if about != "" {
		a, err := part.About(about)
		if err != nil {
			return nil, &usageError{err.Error(), env.say(lang.Text{EN: "flowcorr report PATH… shows the journeys and findings", ES: "flowcorr report RUTA… muestra los recorridos y hallazgos"})}
		}
		journeys = a.Journeys
	}
	chosen := map[string]bool{}
	for i := range journeys {
		chosen[journeys[i].ID] = true
	}
	return chosen, nil
}

// nothingChosen says that there is nothing to cut out: no journey fits the options,
// or what was named is about none.
func (env *environment) nothingChosen(about string) error {
	text := env.say(lang.Text{EN: "no journey is like that", ES: "ningún recorrido es así"})
	hint := env.say(lang.Text{EN: "flowcorr report PATH… lists the journeys", ES: "flowcorr report RUTA… enumera los recorridos"})
	if about != "" {
		text = env.say(lang.Text{EN: "nothing to cut out: %s is about no journey, or none that the options choose", ES: "nada que recortar: %s no trata de ningún recorrido, o de ninguno de los que las opciones eligen"}, about)
		hint = env.say(lang.Text{EN: "flowcorr explain PATH… --about %s tells what is known of it", ES: "flowcorr explain RUTA… --about %s dice lo que se sabe de ello"}, about)
	}
	return errors.Join(&usageError{text, hint}, incident.ErrNoInput)
}

func (env *environment) writeExtract(c *correlate.Case, r *report.Report, chosen map[string]bool, out string) error {
	x, err := archive.Extract(c, r, chosen, out, unpack.Options{})
	if err == nil {
		err = env.writeMeasured(x, out)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return env.print(func(w io.Writer) error {
		for _, name := range x.Files {
			if _, err := fmt.Fprintln(w, render.Printable(name)); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintln(w, env.say(lang.Text{EN: "%d journeys, %d packets, %d lines in %s", ES: "%d recorridos, %d paquetes, %d líneas en %s"}, x.Journeys, x.Packets, x.Lines, render.Printable(out)))
		return err
	})
}

// writeMeasured writes what was measured of the clocks, and where captures were taken,
// into a case file, beside what that of the whole says.
func (env *environment) writeMeasured(x *archive.Extracted, out string) error {
	if x.Reference == "" {
		return nil
	}
	f := casefile.File{Reference: x.Reference, Hosts: map[string]casefile.Host{}}
	for name, offset := range x.Declared {
		f.Hosts[name] = casefile.Host{Offset: new(casefile.Offset(offset))}
	}
	for _, k := range x.Known {
		f.Clocks = append(f.Clocks, casefile.Reading{Clock: k.Clock, Of: k.Of, At: casefile.Time(time.Unix(0, k.At).UTC()), Low: casefile.Offset(k.Low), High: casefile.Offset(k.High)})
	}
	for _, t := range x.Taken {
		c := casefile.Capture{Files: casefile.Patterns{casefile.ExactPattern(t.File)}}
		for _, a := range t.On {
			c.TakenOn = append(c.TakenOn, casefile.Address{Addr: a})
		}
		f.Captures = append(f.Captures, c)
	}
	text, err := env.caseFile.With(&f)
	if err != nil {
		return err
	}
	note := env.say(lang.Text{EN: "Clocks and places as they were measured on all of the evidence that this was taken from.", ES: "Relojes y lugares tal como se midieron con todas las pruebas de que se tomó esto."})
	x.Files = append(x.Files, casefile.Name)
	slices.Sort(x.Files)
	return os.WriteFile(filepath.Join(out, casefile.Name), fmt.Appendf(nil, "# %s\n%s", note, text), 0o644)
}
