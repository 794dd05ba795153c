package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/internal/near"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// choice is which part of the incident the options ask for.
type choice struct {
	since, until, around string
	window               time.Duration // to both sides of around
	clients, servers     []string
	names, services      []string
	minTotal             time.Duration
	rules                []string
	severity             string
}

// words repeats the options that restrict, as they were given.
func (c *choice) words() string {
	var out []string
	add := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				out = append(out, "--"+name+" "+v)
			}
		}
	}
	add("since", c.since)
	add("until", c.until)
	if c.around != "" {
		add("around", c.around)
		add("window", c.window.String())
	}
	add("client", c.clients...)
	add("server", c.servers...)
	add("name", c.names...)
	add("service", c.services...)
	if c.minTotal > 0 {
		add("min-total", c.minTotal.String())
	}
	add("rule", c.rules...)
	add("severity", c.severity)
	return strings.Join(out, " ")
}

// chosen is the part of a report that the options ask for, or all of it.
func (env *environment) chosen(r *report.Report) (*report.Report, error) {
	s, err := env.selection()
	if err != nil || s.By == "" {
		return r, err
	}
	s.Since, s.Until = env.options.choice.span(firstInstant(r))
	return r.Select(s), nil
}

// selection is what the options ask for, but for the stretch of time, which
// needs to know the day.
func (env *environment) selection() (s report.Selection, err error) {
	c := &env.options.choice
	s = report.Selection{By: c.words(), Names: c.names, Services: c.services, MinTotal: report.Seconds(c.minTotal), Rules: c.rules, Severity: c.severity}
	if s.Clients, err = env.endpoints("client", c.clients); err == nil {
		s.Servers, err = env.endpoints("server", c.servers)
	}
	return s, err
}

func (env *environment) endpoints(option string, words []string) ([]report.Endpoint, error) {
	var out []report.Endpoint
	for _, w := range words {
		e, err := report.ParseEndpoint(w)
		if err != nil {
			return nil, &usageError{env.say(lang.Text{EN: "--%s %s: no address, network or address:port", ES: "--%s %s: no es dirección, red ni dirección:puerto"}, option, w),
				env.say(lang.Text{EN: "for example 10.1.1.7, 10.1.0.0/16 or [2001:db8::7]:443; a name goes with --name", ES: "por ejemplo 10.1.1.7, 10.1.0.0/16 o [2001:db8::7]:443; un nombre va con --name"})}
		}
		out = append(out, e)
	}
	return out, nil
}

// firstInstant is where times of day count from.
func firstInstant(r *report.Report) report.Instant {
	var first report.Instant
	for i := range r.Journeys {
		at := r.Journeys[i].Start
		if c := r.Journeys[i].StartCorrected; c != nil {
			at = *c
		}
		if i == 0 || at < first {
			first = at
		}
	}
	return first
}

// span is the stretch of time asked for; nil: open on that side.
func (c *choice) span(first report.Instant) (since, until *report.Instant) {
	if t, ok := instantOf(c.since, first); ok {
		since = &t
	}
	if t, ok := instantOf(c.until, first); ok {
		until = &t
	}
	if t, ok := instantOf(c.around, first); ok {
		from, to := t-report.Instant(c.window), t+report.Instant(c.window)
		if since == nil || *since < from {
			since = &from
		}
		if until == nil || *until > to {
			until = &to
		}
	}
	return since, until
}

// cut keeps the entries of the stretch asked for.
func (c *choice) cut(all []report.Entry, first report.Instant) []report.Entry {
	since, until := c.span(first)
	out := []report.Entry{}
	for _, e := range all {
		at := e.At()
		if (since == nil || at >= *since) && (until == nil || at <= *until) {
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

func checkInstants(env *environment) error {
	c := &env.options.choice
	for _, o := range []struct{ flag, text string }{{"--since", c.since}, {"--until", c.until}, {"--around", c.around}} {
		if _, ok := instantOf(o.text, 0); o.text != "" && !ok {
			return &usageError{env.say(lang.Text{EN: "%s %s: no instant", ES: "%s %s: no es un instante"}, o.flag, o.text),
				env.say(lang.Text{EN: "write 2026-01-15T10:15:32Z, or 10:15:32.120 of the incident's day (UTC)", ES: "escriba 2026-01-15T10:15:32Z, o 10:15:32.120 del día del incidente (UTC)"})}
		}
	}
	return nil
}

func checkEndpoints(env *environment) error {
	if _, err := env.endpoints("client", env.options.choice.clients); err != nil {
		return err
	}
	_, err := env.endpoints("server", env.options.choice.servers)
	return err
}

func checkDurations(env *environment) error {
	if env.options.choice.around == "" {
		return &usageError{env.say(lang.Text{EN: "--window says how near --around means, which is not given", ES: "--window dice cuán cerca es --around, que no se dio"}), env.say(lang.Text{EN: "add for example --around 10:15:32", ES: "añada por ejemplo --around 10:15:32"})}
	}
	if w := env.options.choice.window; w < 0 {
		return &usageError{fmt.Sprintf("--window %s: %s", w, env.say(lang.Text{EN: "negative", ES: "negativa"})), env.say(lang.Text{EN: "write for example 2s or 500ms", ES: "escriba por ejemplo 2s o 500ms"})}
	}
	return nil
}

func checkJobs(env *environment) error {
	if n := env.options.jobs; n < 1 || n > 256 {
		return &usageError{env.say(lang.Text{EN: "--jobs %d: not between 1 and 256", ES: "--jobs %d: no está entre 1 y 256"}, n), env.say(lang.Text{EN: "it is how many files, or parts of one, are read at a time", ES: "es cuántos archivos, o partes de uno, se leen a la vez"})}
	}
	return nil
}

func checkRules(env *environment) error {
	for _, name := range env.options.choice.rules {
		if diagnose.Find(name) == nil {
			return env.noRule("--rule "+name, name)
		}
	}
	return nil
}

// noRule says that there is no such rule, and which one is the nearest.
func (env *environment) noRule(asked, name string) error {
	hint := env.say(lang.Text{EN: "flowcorr rules lists them", ES: "flowcorr rules las enumera"})
	if like := near.Word(name, ruleNames()); like != "" {
		hint = env.say(lang.Text{EN: "did you mean %s? flowcorr rules lists them", ES: "¿quiso decir %s? flowcorr rules las enumera"}, like)
	}
	return &usageError{env.say(lang.Text{EN: "%s: there is no rule %q", ES: "%s: no hay ninguna regla %q"}, asked, name), hint}
}

func ruleNames() []string {
	var names []string
	for _, r := range diagnose.Rules() {
		names = append(names, r.Name)
	}
	return names
}
