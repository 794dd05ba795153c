package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/flowcorr/flowcorr/pkg/casefile"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

// readOptions turns the command line and the case file into what reading needs.
func (env *environment) readOptions(paths []string) (incident.Options, error) {
	opt := incident.Options{Stdin: env.in, Workers: env.options.jobs, Parts: env.options.jobs, Frames: env.options.frames}
	if err := env.loadCase(paths); err != nil {
		return opt, err
	}
	if asProgram {
		reserveHeap()
	}
	opt.Told = env.told()
	if env.only != nil {
		opt.Only = func(open string) bool { return env.only[open] }
	}
	for _, pair := range env.options.zones {
		host, name, ok := strings.Cut(pair, "=")
		place, err := casefile.ParseZone(name)
		if !ok || host == "" || err != nil {
			return opt, &usageError{env.say(lang.Text{EN: "--tz %s: not HOST=ZONE", ES: "--tz %s: no es HOST=ZONA"}, pair), env.say(lang.Text{EN: "for example --tz web=Europe/Madrid or --tz web=+02:00", ES: "por ejemplo --tz web=Europe/Madrid o --tz web=+02:00"})}
		}
		opt.Told.Zones[host] = place
	}
	for _, path := range env.options.keylogs {
		text, err := os.ReadFile(path)
		if err != nil {
			return opt, &usageError{fmt.Sprintf("--keylog: %v", err), env.say(lang.Text{EN: "give the file that the client wrote with SSLKEYLOGFILE", ES: "dé el archivo que el cliente escribió con SSLKEYLOGFILE"})}
		}
		opt.KeyLogs = append(opt.KeyLogs, text)
	}
	return opt, nil
}

// correlateOptions turns the command line and the case file, which was read
// before, into what the correlation needs.
func (env *environment) correlateOptions() (correlate.Options, error) {
	opt := correlate.Options{Offsets: env.caseFile.Offsets(), NoCorrect: env.options.raw, Lang: env.speaks, LinesOnly: env.linesOnly,
		Reference: cmp.Or(env.options.refClock, env.caseFile.Reference)}
	for _, x := range env.caseFile.Clocks {
		opt.Known = append(opt.Known, correlate.Known{Clock: x.Clock, Of: x.Of, At: time.Time(x.At).UnixNano(), Low: int64(x.Low), High: int64(x.High)})
	}
	for _, pair := range env.options.offsets {
		host, text, _ := strings.Cut(pair, "=")
		offset, err := casefile.ParseOffset(text)
		if host == "" || err != nil {
			return opt, &usageError{env.say(lang.Text{EN: "--offset %s: not HOST=±SECONDS", ES: "--offset %s: no es HOST=±SEGUNDOS"}, pair), env.say(lang.Text{EN: "for example --offset web=+2.5: web's clock is 2.5 s ahead", ES: "por ejemplo --offset web=+2.5: el reloj de web va 2.5 s adelantado"})}
		}
		opt.Offsets[host] = offset
	}
	return opt, nil
}

// textOptions says what w can show: colours and width are for terminals;
// COLUMNS goes before what the terminal says, also where w is none.
func (env *environment) textOptions(l lang.Lang, w io.Writer) render.TextOptions {
	opt := render.TextOptions{Lang: l, Color: env.options.color == "always"}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n >= narrowest {
		opt.Width = n
	}
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) {
		return opt
	}
	if opt.Width == 0 {
		opt.Width = 100
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			opt.Width = max(n, narrowest)
		}
	}
	if env.options.color == "auto" && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		opt.Color = true
	}
	return opt
}

// narrowest is the least width, in columns, that output is fitted to.
const narrowest = 40

// onTerminal tells whether standard output is read by a person.
func (env *environment) onTerminal() bool {
	f, ok := env.out.(*os.File)
	return ok && isTerminal(f)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
