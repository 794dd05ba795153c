package render

import (
	"cmp"
	"encoding/json"
	"html/template"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// packer gives strings, words and files their indices.
type packer struct {
	d                                 *layout
	out                               htmlData
	texts                             map[string]int
	phases, causes, outcomes, moments map[string]int
	files, clocks                     map[string]int
	bytes                             int // of texts and journeys so far
}

// htmlData is the data of the script, as JSON in which markup cannot begin.
func (d *layout) htmlData() (template.JS, error) {
	p := &packer{d: d, texts: map[string]int{}, phases: map[string]int{}, causes: map[string]int{}, outcomes: map[string]int{}, moments: map[string]int{}, files: map[string]int{}, clocks: map[string]int{}}
	p.text("")
	p.out.Words = map[string]string{}
	p.out.Findings, p.out.Journeys = []htmlFinding{}, []json.RawMessage{}
	p.out.Files, p.out.Clocks = []htmlFile{}, []htmlClock{}
	for key, t := range htmlTexts {
		p.out.Words[key] = t.In(d.l)
	}
	p.base()
	p.tracks()
	p.evidence()
	if err := p.journeys(); err != nil {
		return "", err
	}
	text, err := json.Marshal(p.out) // escapes <, >, & and the separators U+2028 and U+2029
	return template.JS(text), err
}

// text interns foreign text.
func (p *packer) text(s string) int {
	if i, ok := p.texts[s]; ok {
		return i
	}
	i := len(p.out.Texts)
	p.texts[s] = i
	shown := foreign(s, longestLine)
	p.out.Texts = append(p.out.Texts, shown)
	p.bytes += len(shown) + 3
	return i
}

// word interns a word of the contract in one of the lists.
func (p *packer) word(w string, seen map[string]int, list *[]htmlWord, class string, shown string, bad bool) int {
	if i, ok := seen[w]; ok {
		return i
	}
	seen[w] = len(*list)
	*list = append(*list, htmlWord{Class: class, Word: foreign(shown, 100), Bad: bad})
	return seen[w]
}

func (p *packer) phase(name string) int {
	class, shown := "p-other", name
	if t, ok := phaseWords[name]; ok {
		class, shown = "p-"+strings.ReplaceAll(name, ".", "-"), t.In(p.d.l)
	}
	i := p.word(name, p.phases, &p.out.Phases, class, shown, false)
	p.out.Phases[i].Name = foreign(name, 100)
	return i
}

func (p *packer) cause(name string) int {
	return p.word(name, p.causes, &p.out.Causes, "c-"+known(name, htmlCauses), p.d.word(name), false)
}

func (p *packer) outcome(name string) int {
	bad := name != "done" && name != "estimated"
	return p.word(name, p.outcomes, &p.out.Outcomes, "o-"+known(name, []string{"done", "estimated", "failed", "refused", "unanswered", "unseen"}), p.d.word(name), bad)
}

func (p *packer) moment(name string) int {
	code := ""
	if _, ok := moments[name]; ok {
		code = name
	}
	return p.word(name, p.moments, &p.out.Moments, code, p.d.momentName(name), trouble(name))
}

// base is the earliest instant, so that numbers are small.
func (p *packer) base() {
	first := report.Instant(0)
	for i := range p.d.r.Journeys {
		if at := startOf(&p.d.r.Journeys[i]); first == 0 || at < first {
			first = at
		}
	}
	if first == 0 {
		for _, e := range p.d.r.Evidence {
			if e.First != nil && (first == 0 || *e.First < first) {
				first = *e.First
			}
		}
	}
	p.out.Base = int64(first) / 1000
}

// startOf is the journey's start on the reference clock, or as written.
func startOf(j *report.Journey) report.Instant {
	if j.StartCorrected != nil {
		return *j.StartCorrected
	}
	return j.Start
}

func (p *packer) at(t report.Instant) int64 { return micros(t) - p.out.Base }

func (p *packer) tracks() {
	for _, k := range p.d.r.Clocks {
		c := htmlClock{Name: p.text(k.Name), Status: known(k.Status, []string{"reference", "measured", "declared", "ambiguous", "insufficient"})}
		for _, s := range k.Segments {
			moved := int64(float64(s.To-s.From) * s.Drift * 1e-6)
			low, high := int64(s.Low)+moved, int64(s.High)+moved
			if s.LowEnd != nil && s.HighEnd != nil {
				low, high = int64(*s.LowEnd), int64(*s.HighEnd)
			}
			step := int64(boolean(s.Step))
			c.Segments = append(c.Segments, []int64{p.at(s.From - report.Instant(s.Offset)), p.at(s.To - report.Instant(int64(s.Offset)+moved)), int64(s.Offset) / 1000, int64(s.Low) / 1000, int64(s.High) / 1000, (int64(s.Offset) + moved) / 1000, low / 1000, high / 1000, step})
		}
		for _, x := range k.Points {
			low, high := int64(-farOff), int64(farOff)
			if x.Low != nil {
				low = int64(*x.Low) / 1000
			}
			if x.High != nil {
				high = int64(*x.High) / 1000
			}
			c.Points = append(c.Points, []int64{p.at(x.At), low, high, int64(boolean(x.Rejected))})
		}
		p.out.Clocks = append(p.out.Clocks, c)
	}
}

// sides tell who wrote a file that is not a server's log.
var sides = map[string]string{
	"curl": "client", "har": "client", "ssh-verbose": "client", "dig": "client", "nslookup": "client", "resolvectl": "client", "ping": "client", "sntp": "client",
	"dns-log": "resolver",
}

// evidence packs the files that the overview shows; others follow where they
// are named.
func (p *packer) evidence() {
	const most = 50
	for i, k := range p.d.r.Clocks {
		p.clocks[k.ID] = i
	}
	for _, e := range p.d.r.Evidence {
		if e.First != nil && len(p.out.Files) < most {
			p.file(e.ID)
		}
	}
}

// file is the index of a file; -1: it is not in the report.
func (p *packer) file(id string) int {
	if i, ok := p.files[id]; ok {
		return i
	}
	e := p.d.evidence(id)
	if e == nil {
		return -1
	}
	f := htmlFile{Path: p.text(e.Path), Side: cmp.Or(sides[e.Kind], "server"), Clock: -1}
	if e.Vantage == "client" || e.Vantage == "server" || e.Vantage == "middle" {
		f.Vantage = e.Vantage
	}
	if k, ok := p.clocks[e.Clock]; ok {
		f.Clock = k
	}
	if e.First != nil && e.Last != nil {
		from, to := p.corrected(f.Clock, *e.First), p.corrected(f.Clock, *e.Last)
		f.From, f.To = &from, &to
	}
	p.files[id] = len(p.out.Files)
	p.out.Files = append(p.out.Files, f)
	return p.files[id]
}

// corrected moves a stamp to the reference clock where its clock has a track.
func (p *packer) corrected(clock int, t report.Instant) int64 {
	if clock < 0 {
		return p.at(t)
	}
	segments := p.d.r.Clocks[clock].Segments
	if len(segments) == 0 {
		return p.at(t)
	}
	s := segments[0]
	for _, next := range segments[1:] {
		if next.From > t {
			break
		}
		s = next
	}
	return p.at(t-report.Instant(s.Offset)) - int64(float64(t-s.From)*s.Drift*1e-9)
}

// ranked are the journeys that the page holds: those of findings first, then
// the longest.
func (p *packer) ranked() []int {
	named := map[string]bool{}
	for _, f := range p.d.r.Findings {
		for _, id := range f.Journeys {
			named[id] = true
		}
	}
	all := p.d.r.Journeys
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(boolean(named[all[b].ID]), boolean(named[all[a].ID])), cmp.Compare(all[b].Length(), all[a].Length()))
	})
	return order
}

func (p *packer) journeys() error {
	order := p.ranked()
	if len(order) > mostJourneys {
		p.out.Left = len(order) - mostJourneys
		order = order[:mostJourneys]
	}
	packed := make(map[int]json.RawMessage, len(order))
	for n, i := range order {
		if p.bytes > mostData {
			p.out.Left += len(order) - n
			order = order[:n]
			break
		}
		j := &p.d.r.Journeys[i]
		row := p.journey(j)
		if p.bytes < mostDetails {
			p.details(&row, j)
		} else if len(j.Instants)+len(j.Lines) > 0 {
			p.out.Bare++
		}
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		packed[i] = text
		p.bytes += len(text)
	}
	slices.Sort(order)
	index := map[string]int{}
	for n, i := range order {
		index[p.d.r.Journeys[i].ID] = n
		p.out.Journeys = append(p.out.Journeys, packed[i])
	}
	for _, f := range p.d.r.Findings {
		out := htmlFinding{p.text(f.ID), p.text(f.Rule), known(f.Severity, severities), []int{}}
		for _, id := range f.Journeys {
			if n, ok := index[id]; ok {
				out.Journeys = append(out.Journeys, n)
			}
		}
		p.out.Findings = append(p.out.Findings, out)
	}
	if j := p.d.r.Focus(); j != nil {
		p.out.Focus = foreign(j.ID, longestLine)
	}
	return nil
}
