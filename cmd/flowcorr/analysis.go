package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

// readOptions turns the command line into what reading needs.
func (env *environment) readOptions() (incident.Options, error) {
	opt := incident.Options{Zones: map[string]int{}, Stdin: env.in}
	for _, pair := range env.options.zones {
		host, name, ok := strings.Cut(pair, "=")
		east, err := zoneOf(name)
		if !ok || host == "" || err != nil {
			return opt, &usageError{fmt.Sprintf("--tz %s: not HOST=ZONE", pair), "for example --tz web=Europe/Madrid or --tz web=+02:00"}
		}
		opt.Zones[host] = east
	}
	for _, path := range env.options.keylogs {
		text, err := os.ReadFile(path)
		if err != nil {
			return opt, &usageError{fmt.Sprintf("--keylog: %v", err), "give the file that the client wrote with SSLKEYLOGFILE"}
		}
		opt.KeyLogs = append(opt.KeyLogs, text)
	}
	return opt, nil
}

// correlateOptions turns the command line into what the correlation needs.
func (env *environment) correlateOptions() (correlate.Options, error) {
	opt := correlate.Options{Offsets: map[string]time.Duration{}, Reference: env.options.refClock, NoCorrect: env.options.raw}
	for _, pair := range env.options.offsets {
		host, text, ok := strings.Cut(pair, "=")
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(text, "s"), 64)
		if !ok || host == "" || err != nil || seconds > 9e9 || seconds < -9e9 {
			return opt, &usageError{fmt.Sprintf("--offset %s: not HOST=±SECONDS", pair), "for example --offset web=+2.5: web's clock is 2.5 s ahead"}
		}
		opt.Offsets[host] = time.Duration(seconds * 1e9)
	}
	return opt, nil
}

// zoneOf gives the seconds east of UTC of a zone's name or of ±HH:MM. A named
// zone is taken at its present offset.
func zoneOf(name string) (int, error) {
	if t, err := time.Parse("-07:00", name); err == nil {
		_, east := t.Zone()
		return east, nil
	}
	l, err := time.LoadLocation(name)
	if err != nil || name == "" {
		return 0, fmt.Errorf("unknown zone %q", name)
	}
	_, east := time.Now().In(l).Zone()
	return east, nil
}

// textOptions says what w can show: colours and width are for terminals.
func (env *environment) textOptions(l lang.Lang, w io.Writer) render.TextOptions {
	opt := render.TextOptions{Lang: l, Color: env.options.color == "always"}
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) {
		return opt
	}
	opt.Width = 100
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 40 {
		opt.Width = n
	}
	if env.options.color == "auto" && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		opt.Color = true
	}
	return opt
}

// onTerminal tells whether standard output is read by a person.
func (env *environment) onTerminal() bool {
	f, ok := env.out.(*os.File)
	return ok && isTerminal(f)
}

func isTerminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}
