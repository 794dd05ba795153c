package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

// timeWindow is what part of the timeline is asked for.
type timeWindow struct {
	since, until, around string
	width                time.Duration // to both sides of around
}

func timelineCommand(env *environment) *cobra.Command {
	var win timeWindow
	cmd := &cobra.Command{
		Use:   "timeline PATH…",
		Short: "Print the instants of all journeys and their log lines on one scale",
		Long: `timeline merges the packets that mark the steps of every journey and the log
lines that belong to it on the reference clock; the stamp as written stands
beside a corrected one. A "?" says that a stamp could not be corrected.

Instants to filter by are on the reference clock, in UTC: RFC 3339, or
HH:MM:SS[.fff] of the day of the first instant.`,
		Example: `  flowcorr timeline incident/
  flowcorr timeline --around 10:15:32 --window 2s incident/
  flowcorr timeline --since 2026-01-15T10:15:00Z --format jsonl incident/`,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := win.check(); err != nil {
				return err
			}
			r, l, err := env.analysedReport(args, "text", "jsonl")
			if err != nil {
				return err
			}
			entries := win.cut(r.Timeline())
			return env.print(func(w io.Writer) error {
				if env.options.format == "jsonl" {
					return writeLines(w, entries)
				}
				return render.Timeline(w, r, entries, env.textOptions(l, w))
			})
		},
	}
	partFlags(cmd, env)
	f := cmd.Flags()
	f.Lookup("format").Usage = "text or jsonl (default: text)"
	f.StringVar(&win.since, "since", "", "leave out what lies before this instant")
	f.StringVar(&win.until, "until", "", "leave out what lies after this instant")
	f.StringVar(&win.around, "around", "", "keep what lies near this instant")
	f.DurationVar(&win.width, "window", 5*time.Second, "how near --around means, to both sides")
	return cmd
}

// check refuses what is no instant before any work is done.
func (win *timeWindow) check() error {
	for _, o := range []struct{ flag, text string }{{"--since", win.since}, {"--until", win.until}, {"--around", win.around}} {
		if _, ok := instantOf(o.text, 0); o.text != "" && !ok {
			return &usageError{fmt.Sprintf("%s %s: no instant", o.flag, o.text), "write 2026-01-15T10:15:32Z, or 10:15:32.120 of the incident's day (UTC)"}
		}
	}
	if win.width < 0 {
		return &usageError{fmt.Sprintf("--window %s: negative", win.width), "write for example 2s or 500ms"}
	}
	return nil
}

// cut keeps the entries of the window; they are in order of time.
func (win *timeWindow) cut(all []report.Entry) []report.Entry {
	out := []report.Entry{}
	if len(all) == 0 {
		return out
	}
	first := all[0].At()
	since, hasSince := instantOf(win.since, first)
	until, hasUntil := instantOf(win.until, first)
	around, hasAround := instantOf(win.around, first)
	for _, e := range all {
		at := e.At()
		outside := hasSince && at < since || hasUntil && at > until ||
			hasAround && (at < around-report.Instant(win.width) || at > around+report.Instant(win.width))
		if !outside {
			out = append(out, e)
		}
	}
	return out
}

// instantOf reads an instant, or a time of day of the day of first, in UTC.
func instantOf(text string, first report.Instant) (report.Instant, bool) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return report.Instant(t.UnixNano()), t.Year() >= 1678 && t.Year() < 2262
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			y, m, d := time.Unix(0, int64(first)).UTC().Date()
			return report.Instant(time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).UnixNano()), true
		}
	}
	return 0, false
}
