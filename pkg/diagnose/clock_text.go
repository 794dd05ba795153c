package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
)

var clockZone = Rule{
	Name: "clock-zone", Family: "ntp",
	Title: lang.Text{EN: "A log is in another time zone", ES: "Un registro está en otro huso horario"},
	Doc: lang.Text{
		EN: "A log without a zone, or with a wrong one, differs from the reference by a multiple of a quarter of an hour: local time, not a wrong clock. Its lines are read in the zone that fits.",
		ES: "Un registro sin huso horario, o con uno equivocado, difiere de la referencia en un múltiplo de un cuarto de hora: hora local, no un reloj mal puesto. Sus líneas se leen en el huso que encaja.",
	},
	Source:     "RFC 3339, section 4",
	Needs:      lang.Text{EN: "a log that matches packets", ES: "un registro que case con paquetes"},
	Wants:      []*Want{wantClocks},
	Thresholds: []*Threshold{zoneRest},
	Refuters: []lang.Text{
		{EN: "the remainder is larger than the uncertainty", ES: "el resto es mayor que la incertidumbre"},
		{EN: "the host is in another zone, and its clock off by the difference", ES: "el equipo está en otro huso horario, y su reloj va mal por la diferencia"},
	},
	Check: checkClockZone,
}

var zoneRest = &Threshold{"rest", 90, "s", lang.Text{EN: "how far from whole quarters of an hour it may be, the clock being off as well", ES: "cuánto puede distar de cuartos de hora enteros, al ir también mal el reloj"}}

func checkClockZone(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.Incident.Logs {
		first := slices.IndexFunc(l.Events, func(e logparse.Event) bool { return e.Zone == logparse.ZoneInferred && e.ZoneSeconds != 0 })
		if first < 0 {
			continue
		}
		f := Finding{Severity: Info, Confidence: High, Evidence: []Evidence{lines(l, first)}}
		rest := time.Duration(0)
		if k := c.clockOf(l.File); k != nil {
			off, _, _, _ := k.At(l.Events[first].Time)
			rest = time.Duration(off)
			if k.ZoneAssumed { // nothing else tells of that clock
				f.Confidence = Medium
			}
		}
		f.Text = c.say(lang.Text{
			EN: "%s states no zone and is in %s, as what it matches shows (the rest of its offset is %s).",
			ES: "%s no dice su huso horario; está en %s, según aquello con lo que coincide (el resto de su desfase es %s).",
		}, l.File.Path, zoneName(time.Duration(l.Events[first].ZoneSeconds)*time.Second), rest)
		date := "date --iso-8601=ns"
		if k := c.clockOf(l.File); k != nil {
			date = c.onClock(k, date)
		}
		f.Refuters = c.doubts(r, notFound, notCollected(date))
		out = append(out, f)
	}
	return append(out, c.statedZones(r)...)
}

// statedZones are logs that state a zone, and differ from the reference by whole
// quarters of an hour: the zone they state is not the one they write.
func (c *Case) statedZones(r *Rule) []Finding {
	var out []Finding
	for _, k := range c.Clocks {
		if k.Status != clock.Measured || k.Kind != "log" || len(k.Segments) == 0 || len(k.Files) == 0 {
			continue
		}
		east, rest := clock.Zone(k.Segments[0].Offset)
		if east == 0 || time.Duration(rest).Abs() > c.limit(r, zoneRest) {
			continue
		}
		f := Finding{Severity: Note, Confidence: High}
		for _, file := range k.Files {
			f.Evidence = append(f.Evidence, Evidence{File: file})
		}
		f.Text = c.say(lang.Text{
			EN: "The log of %s is in %s, not UTC (the rest of its offset is %s).",
			ES: "El registro de %s está en %s, no en UTC (el resto de su desfase es %s).",
		}, k.Name, zoneName(time.Duration(east)*time.Second), time.Duration(rest))
		f.Refuters = c.doubts(r, notFound, notCollected(c.onClock(k, "date --iso-8601=ns")))
		out = append(out, f)
	}
	return out
}

// zoneName writes how far a zone is ahead of UTC.
func zoneName(east time.Duration) string {
	return fmt.Sprintf("UTC%+03d:%02d", int(east/time.Hour), int(east.Abs()%time.Hour/time.Minute))
}

var clockYearInferred = Rule{
	Name: "clock-year-inferred", Family: "ntp",
	Title: lang.Text{EN: "Stamps without a year", ES: "Marcas de tiempo sin año"},
	Doc: lang.Text{
		EN: "A log writes neither year nor zone (RFC 3164). The year was taken from the rest of the evidence.",
		ES: "Un registro no escribe año ni huso horario (RFC 3164). El año se tomó del resto de las pruebas.",
	},
	Source: "RFC 3164, section 4.1.2",
	Needs:  lang.Text{EN: "a log without years", ES: "un registro sin años"},
	Wants:  []*Want{wantLogs},
	Refuters: []lang.Text{
		{EN: "a line near by states another year", ES: "una línea cercana dice otro año"},
	},
	Check: checkClockYearInferred,
}

func checkClockYearInferred(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, l := range c.Incident.Logs {
		n, first := 0, -1
		for i := range l.Events {
			if l.Events[i].YearInferred && l.Events[i].HasTime {
				if n++; first < 0 {
					first = i
				}
			}
		}
		if n == 0 {
			continue
		}
		f := Finding{Severity: Info, Confidence: Medium, Evidence: []Evidence{lines(l, first)}}
		f.Text = c.say(lang.Text{
			EN: "%d line{|s} of %s state{s|} no year: %d was inferred from the rest of the evidence.",
			ES: "%d línea{|s} de %s no {dice|dicen} el año: %d se dedujo del resto de las pruebas.",
		}, n, l.File.Path, time.Unix(0, l.Events[first].Time).UTC().Year())
		f.Refuters = c.doubts(r, notFound)
		out = append(out, f)
	}
	return out
}

var clockTooUncertain = Rule{
	Name: "clock-too-uncertain", Family: "ntp",
	Title: lang.Text{EN: "A clock is known too roughly for the order of events", ES: "Un reloj se conoce con demasiada incertidumbre para el orden"},
	Doc: lang.Text{
		EN: "The bounds of this clock are wider than half of the journeys are long: which came first across files is often not evaluable.",
		ES: "Los límites de este reloj son más anchos que lo que dura la mitad de los recorridos: qué fue antes entre archivos a menudo no es evaluable.",
	},
	Source: "RFC 5905, section 4",
	Needs:  lang.Text{EN: "files with stamps", ES: "archivos con marcas de tiempo"},
	Wants:  []*Want{wantClocks},
	Refuters: []lang.Text{
		{EN: "the bounds are narrower than half of the journeys are long", ES: "los límites son más estrechos que lo que dura la mitad de los recorridos"},
	},
	Check: checkClockTooUncertain,
}

func checkClockTooUncertain(c *Case, _ *Rule) []Finding {
	var totals []time.Duration
	for _, j := range c.Journeys {
		if j.End.Seen() && j.Exchange != nil {
			totals = append(totals, j.Total())
		}
	}
	slices.Sort(totals)
	usual := quantile(totals, 0.5)
	var out []Finding
	for _, k := range c.Clocks {
		if k.Status != clock.Measured || len(k.Segments) == 0 || len(k.Files) == 0 || usual == 0 {
			continue
		}
		half := time.Duration(0)
		for _, stretch := range clock.Stretches(k.Segments) {
			s := &k.Segments[stretch.Best]
			half = max(half, time.Duration(s.High-s.Low)/2)
		}
		if half < usual {
			continue
		}
		f := Finding{Severity: Info, Confidence: NotEvaluable}
		for _, file := range k.Files {
			f.Evidence = append(f.Evidence, Evidence{File: file})
		}
		f.Text = c.say(lang.Text{
			EN: "The clock of %s is known to ± %s at best, and half of the journeys take less than %s: order across files is often not evaluable.",
			ES: "El reloj de %s se conoce con ± %s en el mejor caso, y la mitad de los recorridos dura menos de %s: el orden entre archivos a menudo no es evaluable.",
		}, k.Name, half, usual)
		out = append(out, f)
	}
	return out
}

var manyPoints = &Threshold{"captures", 3, "", lang.Text{EN: "captures from which on how their clocks stand to each other is an answer by itself", ES: "capturas a partir de las cuales cómo están sus relojes entre sí es una respuesta por sí sola"}}

// inDoubt: of a clock that is seconds off, milliseconds of the path change nothing.
var inDoubt = &Threshold{"doubt", 0.1, "share", lang.Text{EN: "part of the offset, between two points, that is worth a note", ES: "parte del desfase, entre dos puntos, que merece una nota"}}

var ntpAsymmetricPath = Rule{
	Name: "ntp-asymmetric-path", Family: "ntp",
	Title: lang.Text{EN: "The two ways of a path may differ", ES: "Los dos sentidos de un camino pueden diferir"},
	Doc: lang.Text{
		EN: "Two captures of the same packets tell only the sum of both ways. A path that takes longer one way looks exactly like a clock that is off by half the difference: the offset between the captures is known to half a round trip, and no better, without a third clock at both ends.",
		ES: "Dos capturas de los mismos paquetes solo dicen la suma de ambos sentidos. Un camino más largo en un sentido se ve igual que un reloj desviado la mitad de la diferencia: el desfase entre las capturas se conoce hasta media ida y vuelta, y no mejor, sin un tercer reloj en ambos extremos.",
	},
	Source:     "RFC 5905, section 8; RFC 2679",
	Needs:      lang.Text{EN: "captures at two points of a path", ES: "capturas en dos puntos de un camino"},
	Wants:      []*Want{wantTwoCaptures},
	Thresholds: []*Threshold{smallest, largeOffset, manyPoints, inDoubt},
	Refuters: []lang.Text{
		{EN: "a clock that both hosts follow by another path", ES: "un reloj que ambos equipos siguen por otro camino"},
	},
	Check: checkNTPAsymmetricPath,
}

func checkNTPAsymmetricPath(c *Case, r *Rule) []Finding {
	var out []Finding
	for _, k := range c.Clocks {
		if k.Kind != "capture" || k.Status != clock.Measured || len(k.Segments) == 0 || len(k.Files) == 0 || !onlyTwoCaptures(k) {
			continue
		}
		best := &k.Segments[clock.Stretches(k.Segments)[0].Best]
		half := time.Duration(best.High-best.Low) / 2
		if half < c.limit(r, smallest) {
			continue
		}
		f := Finding{Severity: Info, Confidence: Medium}
		offset := time.Duration(best.Offset)
		f.answers = offset.Abs() >= c.limit(r, largeOffset) && len(c.Incident.Captures) >= c.count(r, manyPoints)
		if f.answers || offset.Abs() >= c.limit(r, largeOffset) && c.exceeds(r, inDoubt, half, offset.Abs()) {
			f.Severity = Note // the clocks are the story, and this is how well they are known
		}
		for _, file := range k.Files {
			f.Evidence = append(f.Evidence, Evidence{File: file})
		}
		f.Text = c.say(lang.Text{
			EN: "The offset of %s, %s, rests on packets seen at two points alone: ± %s, half the round trip between them. If one way of the path is slower than the other, the clock is off by half of that; packets cannot tell the two apart.",
			ES: "El desfase de %s, %s, se apoya solo en paquetes vistos en dos puntos: ± %s, media ida y vuelta entre ellos. Si un sentido del camino es más lento que el otro, el reloj difiere en la mitad; los paquetes no distinguen lo uno de lo otro.",
		}, k.Name, signed(offset), half)
		f.Refuters = c.doubts(r, notCollected(c.onClock(k, "chronyc -n tracking; chronyc -n sourcestats -v")))
		out = append(out, f)
	}
	return out
}

// onlyTwoCaptures tells whether a clock is known by nothing but packets seen
// twice.
func onlyTwoCaptures(k *correlate.Clock) bool {
	pairs := false
	for _, s := range k.Supports {
		switch s.Method {
		case clock.TwoCaptures:
			pairs = pairs || s.Count > 0
		case clock.NTP, clock.Chrony, clock.Declared:
			if s.Count > 0 {
				return false
			}
		}
	}
	return pairs
}

var (
	// ntpd steps beyond 128 ms (RFC 5905, section 12).
	stepLimit = &Threshold{"offset", 0.128, "s", lang.Text{EN: "smallest offset that a client must apply", ES: "menor desfase que un cliente debe aplicar"}}
	settled   = &Threshold{"change", 0.02, "s", lang.Text{EN: "how much its clock may have moved and still not have been set", ES: "cuánto puede haberse movido su reloj sin que nadie lo ajustara"}}
	offered   = &Threshold{"answers", 4, "", lang.Text{EN: "how many answers must have told the client of its error", ES: "cuántas respuestas deben haber dicho al cliente su error"}}
)

var ntpNotApplied = Rule{
	Name: "ntp-not-applied", Family: "ntp",
	Title: lang.Text{EN: "The time is offered but not applied", ES: "La hora se ofrece pero no se aplica"},
	Doc: lang.Text{
		EN: "A client gets good NTP answers throughout, and its clock stays as far off as it was: its policy does not apply them (no step allowed, no selectable source), or it may not set the clock (a container, chronyd -x).",
		ES: "Un cliente recibe buenas respuestas NTP todo el tiempo y su reloj sigue igual de desviado: su política no las aplica (salto no permitido, ninguna fuente elegible), o no puede ajustar el reloj (un contenedor, chronyd -x).",
	},
	Source:     "chrony.conf(5), makestep; RFC 5905, section 11.3",
	Needs:      lang.Text{EN: "a capture at the client with several NTP exchanges", ES: "una captura en el cliente con varios intercambios NTP"},
	Wants:      []*Want{wantNTP},
	Thresholds: []*Threshold{stepLimit, offered, settled},
	Refuters: []lang.Text{
		{EN: "a step or a slew follows", ES: "después hay un salto o un ajuste gradual"},
	},
	Check: checkNTPNotApplied,
}

func checkNTPNotApplied(c *Case, r *Rule) []Finding {
	var out []Finding
	servers := c.votingServers()
	for _, k := range c.Clocks {
		if k.Kind != "capture" || stepped(k.Segments) || len(k.Files) == 0 {
			continue
		}
		var found batches
		for _, j := range c.Journeys {
			if j.NTP == nil || !j.NTP.Request.Seen() || !j.NTP.Response.Seen() || j.NTP.Response.Kiss != "" || j.NTP.Response.Unsynchronised() {
				continue
			}
			if p := j.Points[0]; p.Capture.VantageHost == j.Client.Addr() && slices.Contains(k.Files, p.Capture.Files[0]) {
				found.add(j.Server.Addr().String(), hit{journey: j, evidence: phaseFrames(j, "ntp.exchange")})
			}
		}
		for _, b := range found.all {
			server := c.ntpServer(b.key)
			if server == nil || len(b.hits) < c.count(r, offered) || c.outvoted(server, servers) != nil {
				continue // or it is wrong itself: ntp-bad-server
			}
			off, ok := c.stayedOff(r, k, server, b)
			if !ok {
				continue
			}
			f := b.finding(Note, Medium)
			f.Text = c.say(lang.Text{
				EN: "%s was offered the time %d time{|s} by %s and its clock stayed %s off: its policy does not apply it.",
				ES: "A %s se le ofreció la hora %d {vez|veces} desde %s y su reloj siguió desviado %s: su política no la aplica.",
			}, b.hits[0].journey.Client.Addr(), len(b.hits), b.key, fmt.Sprintf("%+.3f s", off.Seconds()))
			f.Refuters = c.doubts(r, notFound)
			out = append(out, f)
		}
	}
	return out
}

// ntpServer is the clock of the NTP server of an address, or nil.
func (c *Case) ntpServer(address string) *correlate.Clock {
	i := slices.IndexFunc(c.Clocks, func(k *correlate.Clock) bool { return k.Kind == "ntp-server" && k.Name == address })
	if i < 0 {
		return nil
	}
	return c.Clocks[i]
}

// stayedOff tells how far a client's clock is from the server's that told it the
// time, where it was so far off at the first answer and as far at the last.
func (c *Case) stayedOff(r *Rule, k, server *correlate.Clock, b *batch) (time.Duration, bool) {
	var off [2]time.Duration
	for i, h := range []hit{b.hits[0], b.hits[len(b.hits)-1]} {
		at := h.journey.NTP.Response.Time
		own, low, high, ok := k.At(at)
		right, least, most, known := server.At(at - own)
		if !ok || !known || low <= most && least <= high {
			return 0, false // not known, or within the bounds
		}
		off[i] = time.Duration(own - right)
	}
	change := (off[1] - off[0]).Abs()
	return off[1], off[1].Abs() >= c.limit(r, stepLimit) && change <= c.limit(r, settled)
}
