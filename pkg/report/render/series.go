package render

import (
	"fmt"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// seriesOf writes statistics over many exchanges.
func (d *layout) seriesOf(s *report.Series) {
	if s == nil {
		return
	}
	d.heading(lang.Text{EN: "Series", ES: "Series"})
	d.dnsSeries(s)
	d.ntpSeries(s.NTP)
	d.gateways(s.Gateways)
	d.neighbours(s.Neighbours)
}

func (d *layout) dnsSeries(s *report.Series) {
	t := &table{header: []string{d.say(lang.Text{EN: "series", ES: "serie"}), "n", d.say(lang.Text{EN: "unanswered", ES: "sin respuesta"}),
		d.say(lang.Text{EN: "mean", ES: "media"}), "σ", d.say(lang.Text{EN: "median", ES: "mediana"}), "p95", "max", d.say(lang.Text{EN: "where", ES: "dónde"})},
		right: []bool{false, true, true, true, true, true, true, true, false}}
	slow := &table{header: []string{d.say(lang.Text{EN: "outlier", ES: "atípico"}), d.say(lang.Text{EN: "time", ES: "tiempo"}), d.say(lang.Text{EN: "cause", ES: "causa"}), d.say(lang.Text{EN: "where", ES: "dónde"})},
		right: []bool{false, true, false, false}}
	row := func(name, file string, n, lost int, x *report.Statistics, outliers []report.DNSOutlier) {
		t.rows = append(t.rows, append(append([]string{name, fmt.Sprint(n), fmt.Sprint(lost)}, moments5(x)...), d.place(file, "", 0)))
		for _, o := range outliers {
			slow.rows = append(slow.rows, []string{strings.TrimSpace(o.Type + " " + o.Name), span(o.Seconds), d.word(o.Cause), d.place(file, "", o.Frame)})
		}
	}
	for _, x := range s.Resolvers {
		row(d.say(lang.Text{EN: "queries to %s", ES: "consultas a %s"}, x.Resolver), x.Evidence, x.Asked, x.Unanswered, x.Latency, x.Outliers)
	}
	for _, x := range s.Lookups {
		row(d.say(lang.Text{EN: "lookups of %s", ES: "búsquedas de %s"}, x.Client), x.Evidence, x.Asked, x.Failed, x.Wait, x.Outliers)
	}
	for _, x := range []*table{t, slow} {
		if len(x.rows) > 0 {
			d.out = append(d.out, block{table: x})
		}
	}
}

// moments5 are mean, σ, median, p95 and maximum.
func moments5(s *report.Statistics) []string {
	if s == nil {
		return []string{"–", "–", "–", "–", "–"}
	}
	return []string{span(s.Mean), span(s.Sigma), span(s.Median), span(s.P95), span(s.Max)}
}

func (d *layout) ntpSeries(list []report.NTPSeries) {
	for _, x := range list {
		t := &table{header: []string{fmt.Sprintf("NTP %s → %s", x.Client, x.Server), ""}, right: []bool{false, true}}
		add := func(name lang.Text, format string, args ...any) {
			t.rows = append(t.rows, []string{d.say(name), fmt.Sprintf(format, args...)})
		}
		add(lang.Text{EN: "verdict", ES: "veredicto"}, "%s", d.word(x.Verdict))
		add(lang.Text{EN: "answers / requests", ES: "respuestas / peticiones"}, "%d / %d", x.Answers, x.Requests)
		add(lang.Text{EN: "reach", ES: "alcance"}, "%s", x.Reach)
		if x.OffsetLow != nil && x.OffsetHigh != nil {
			add(lang.Text{EN: "server minus capture", ES: "servidor menos captura"}, "%s … %s", signed(*x.OffsetLow), signed(*x.OffsetHigh))
		} else if x.BestLow != nil && x.BestHigh != nil {
			add(lang.Text{EN: "server minus capture, best sample", ES: "servidor menos captura, mejor muestra"}, "%s … %s", signed(*x.BestLow), signed(*x.BestHigh))
		}
		if x.Moved {
			add(lang.Text{EN: "one offset for all samples", ES: "un desfase para todas las muestras"}, "%s", d.say(lang.Text{EN: "none fits", ES: "ninguno encaja"}))
		}
		if x.Drift != nil {
			add(lang.Text{EN: "drift", ES: "deriva"}, "%+.3f ppm", *x.Drift)
		}
		if x.Jitter != nil {
			add(lang.Text{EN: "jitter", ES: "fluctuación"}, "%s", span(*x.Jitter))
		}
		for _, m := range []struct {
			name lang.Text
			s    *report.Statistics
		}{{lang.Text{EN: "delay, median and p95", ES: "retardo, mediana y p95"}, x.Delay}, {lang.Text{EN: "dwell, median and p95", ES: "estancia, mediana y p95"}, x.Dwell},
			{lang.Text{EN: "poll interval, median and p95", ES: "intervalo de consulta, mediana y p95"}, x.Poll}} {
			if m.s != nil {
				add(m.name, "%s  %s", span(m.s.Median), span(m.s.P95))
			}
		}
		if x.Irregularity != nil {
			add(lang.Text{EN: "poll irregularity", ES: "irregularidad de la consulta"}, "%.1f %%", 100**x.Irregularity)
		}
		if len(x.Kisses) > 0 {
			add(lang.Text{EN: "kiss codes", ES: "códigos de rechazo"}, "%s", strings.Join(x.Kisses, ", "))
		}
		d.out = append(d.out, block{table: t})
	}
}
