package diagnose

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Threshold is a figure that a rule compares with. Where a rule can, it compares
// with the incident's own normal first; its figures are then the floors.
type Threshold struct {
	Name    string  // within the rule
	Default float64 // in Unit
	Unit    string  // "s", "bytes", "ppm", "times" (of something), "share" (0 … 1); "": a count
	Means   lang.Text
}

// Value writes the default with its unit, as a case file takes it.
func (t *Threshold) Value(l lang.Lang) string {
	unit, v := t.Unit, t.Default
	switch t.Unit {
	case "share":
		unit, v = "%", 100*v
	case "times":
		unit = lang.Text{EN: "times", ES: "veces"}.In(l)
	}
	return strings.TrimSpace(strconv.FormatFloat(v, 'g', -1, 64) + " " + unit)
}

// Thresholds that several rules share; each rule is set on its own.
var (
	felt      = &Threshold{"felt", 0.1, "s", lang.Text{EN: "shortest delay that a user notices", ES: "menor retraso que un usuario nota"}}
	feltShare = &Threshold{"felt-share", 0.2, "share", lang.Text{EN: "smallest share of a journey that a user notices", ES: "menor parte de un recorrido que un usuario nota"}}
	everyday  = &Threshold{"everyday", 20, "", lang.Text{EN: "what befalls fewer than one in so many is part of any day: a note", ES: "lo que pasa a menos de uno de cada tantos es de todos los días: una nota"}}

	seldom  = &Threshold{"seldom", 25, "", lang.Text{EN: "what is felt by one of so many at least is the answer where nothing else is", ES: "lo que nota al menos uno de cada tantos es la respuesta si no hay otra"}}
	fewest  = &Threshold{"least", 5, "", lang.Text{EN: "how many journeys that is at the least", ES: "cuántos recorridos son como mínimo"}}
	manyHit = &Threshold{"many", 0.15, "share", lang.Text{EN: "share of all journeys that, hit a little each, is worth a warning", ES: "parte de todos los recorridos que, afectados un poco cada uno, merece un aviso"}}
	// Losing a segment now and then is part of any network.
	everydayLoss = &Threshold{"everyday", 12, "", everyday.Means}

	// ownShare separates a server that was slow from one that was asked late.
	ownShare   = &Threshold{"own", 0.5, "share", lang.Text{EN: "share of a wait that the server's own figure must cover for the wait to be its own", ES: "parte de una espera que la cifra del propio servidor debe cubrir para que la espera sea suya"}}
	slowServer = &Threshold{"slow", 0.2, "s", lang.Text{EN: "shortest wait for a server that is called slow", ES: "menor espera por un servidor que se llama lento"}}
	mainShare  = &Threshold{"share", 0.5, "share", lang.Text{EN: "smallest share of the journey that makes it the bottleneck", ES: "menor parte del recorrido que lo hace cuello de botella"}}
	roundTrips = &Threshold{"round-trips", 5, "times", lang.Text{EN: "how many round trips it must exceed", ES: "cuántas idas y vueltas debe superar"}}
	usualTimes = &Threshold{"usual", 4, "times", lang.Text{EN: "how many times what is usual here it must exceed", ES: "cuántas veces lo habitual aquí debe superar"}}

	retryWait  = &Threshold{"wait", 0.5, "s", lang.Text{EN: "shortest wait for a timer that is told", ES: "menor espera por un temporizador que se cuenta"}}
	lookupCost = &Threshold{"cost", 0.1, "s", lang.Text{EN: "shortest extra time of a lookup that is worth a warning", ES: "menor tiempo de más de una resolución que merece un aviso"}}
	quiet      = &Threshold{"quiet", 1, "s", lang.Text{EN: "how long the capture must go on without an answer", ES: "cuánto debe seguir la captura sin respuesta"}}
	longPause  = &Threshold{"pause", 2, "s", lang.Text{EN: "shortest silence of a server in a login that is worth a question", ES: "menor silencio de un servidor en un acceso que merece una pregunta"}}
	// A wait within these may be a segment that was lost and sent again: RFC 6298's
	// timer as Linux has it, and a round trip.
	timerShortest = &Threshold{"timer-shortest", 0.18, "s", lang.Text{EN: "shortest wait that may be a lost answer sent again", ES: "menor espera que puede ser una respuesta perdida y reenviada"}}
	timerLongest  = &Threshold{"timer-longest", 0.4, "s", lang.Text{EN: "longest wait that may be a lost answer sent again", ES: "mayor espera que puede ser una respuesta perdida y reenviada"}}

	smallest = &Threshold{"smallest", 0.01, "s", lang.Text{EN: "offset that does not change the order of a story told in milliseconds", ES: "desfase que no cambia el orden de una historia contada en milisegundos"}}
)

// weights are the thresholds of rules whose severity follows from how many feel
// it.
var weights = []*Threshold{felt, feltShare, everyday, manyHit, fewest, seldom}

// lossWeights are those of rules about lost segments.
var lossWeights = []*Threshold{felt, feltShare, everydayLoss, manyHit, fewest, seldom}

// ofEveryRule are thresholds of the words that any rule's finding may get; each
// rule is set on its own.
var ofEveryRule = []*Threshold{burstHits, burstSpan, burstShare, burstOther, alikeShare}

// OfEveryRule lists the thresholds that each rule has beside its own.
func OfEveryRule() []*Threshold { return ofEveryRule }

// with adds thresholds of a rule's own to shared ones, of which it replaces those
// of the same name.
func with(shared []*Threshold, own ...*Threshold) []*Threshold {
	all := slices.Clone(own)
	for _, t := range shared {
		if !slices.ContainsFunc(own, func(o *Threshold) bool { return o.Name == t.Name }) {
			all = append(all, t)
		}
	}
	return all
}

// settings are the thresholds that a user set, by rule and name.
type settings map[string]map[string]float64

// of is a threshold as it stands for a rule: as the user set it, else the rule's
// own default for the name, else the shared one. listed: the rule has it.
func (s settings) of(r *Rule, t *Threshold) (value float64, listed bool) {
	value = t.Default
	for _, all := range [][]*Threshold{r.Thresholds, ofEveryRule} {
		if i := slices.IndexFunc(all, func(own *Threshold) bool { return own == t || own.Name == t.Name }); i >= 0 {
			value, listed = all[i].Default, true
			break
		}
	}
	if len(s) > 0 {
		if v, ok := s[r.Name][t.Name]; ok {
			value = v
		}
	}
	return value, listed
}

// or is a threshold of a rule's own, outside of the rule.
func (s settings) or(rule string, t *Threshold) float64 {
	if v, ok := s[rule][t.Name]; ok {
		return v
	}
	return t.Default
}

// number is a threshold as it stands for a rule.
func (c *Case) number(r *Rule, t *Threshold) float64 {
	v, listed := c.set.of(r, t)
	if !listed {
		c.unlisted = append(c.unlisted, r.Name+": "+t.Name)
	}
	return v
}

// limit is a threshold in seconds.
func (c *Case) limit(r *Rule, t *Threshold) time.Duration {
	return time.Duration(c.number(r, t) * float64(time.Second))
}

// count is a threshold that counts.
func (c *Case) count(r *Rule, t *Threshold) int { return int(c.number(r, t)) }

// exceeds tells whether d is longer than so many times another duration.
func (c *Case) exceeds(r *Rule, t *Threshold, d, of time.Duration) bool {
	return float64(d) >= c.number(r, t)*float64(of)
}

// CheckSettings tells what is wrong with thresholds and budgets that a user
// gave: a rule, a threshold or a phase that does not exist, a figure that is no
// measure. "" where all can be used.
func CheckSettings(thresholds map[string]map[string]float64, budgets map[string]float64, l lang.Lang) string {
	for _, rule := range slices.Sorted(maps.Keys(thresholds)) {
		r := Find(rule)
		if r == nil {
			return fill(lang.Text{EN: "there is no rule %q", ES: "no hay ninguna regla %q"}.In(l), rule)
		}
		for _, name := range slices.Sorted(maps.Keys(thresholds[rule])) {
			known := slices.ContainsFunc(slices.Concat(r.Thresholds, ofEveryRule), func(t *Threshold) bool { return t.Name == name })
			switch v := thresholds[rule][name]; {
			case !known:
				return fill(lang.Text{EN: "rule %s has no threshold %q", ES: "la regla %s no tiene ningún umbral %q"}.In(l), rule, name)
			case !measure(v):
				return fill(lang.Text{EN: "threshold %s of rule %s is out of range: %g", ES: "el umbral %s de la regla %s está fuera de rango: %g"}.In(l), name, rule, v)
			}
		}
	}
	for _, phase := range slices.Sorted(maps.Keys(budgets)) {
		switch v := budgets[phase]; {
		case !slices.Contains(phaseNames, pcapflow.PhaseName(phase)) && phase != WholeJourney:
			return fill(lang.Text{EN: "there is no phase %q", ES: "no hay ninguna fase %q"}.In(l), phase)
		case !measure(v):
			return fill(lang.Text{EN: "the budget of %s is out of range: %g", ES: "el presupuesto de %s está fuera de rango: %g"}.In(l), phase, v)
		}
	}
	return ""
}

func measure(v float64) bool { return v >= 0 && v <= 1e9 && !math.IsNaN(v) }
