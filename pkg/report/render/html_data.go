package render

import (
	"cmp"
	"encoding/json"
	"html/template"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// Bounds of the data in the page.
const (
	mostJourneys = 20000
	farOff       = 1e15    // µs, an open bound
	mostDetails  = 9 << 20 // bytes of instants and lines; journeys beyond have their phases alone
)

// htmlCauses are those that the style has a colour for.
var htmlCauses = []string{"dns", "resolver-retry", "neighbour", "network", "server", "client", "loss", "tls", "window", "idle"}

// Everything the script draws from. Instants are µs since Base on the reference
// clock (as written where that is not known), durations µs; strings are indices
// of Texts, which are printable. What is unknown is left out.
type htmlData struct {
	Base     int64             `json:"base"` // µs since the Unix epoch
	Focus    string            `json:"focus,omitempty"`
	Texts    []string          `json:"texts"`
	Words    map[string]string `json:"words"`
	Phases   []htmlWord        `json:"phases"`
	Causes   []htmlWord        `json:"causes"`
	Outcomes []htmlWord        `json:"outcomes"`
	Moments  []htmlWord        `json:"moments"`
	Files    []htmlFile        `json:"files"`
	Clocks   []htmlClock       `json:"clocks"`
	Findings []htmlFinding     `json:"findings"`
	Journeys []json.RawMessage `json:"journeys"`
	Left     int               `json:"left,omitempty"` // journeys that are not here
	Bare     int               `json:"bare,omitempty"` // journeys without instants and lines
}

// htmlWord is a word of the contract: its class in the style, and as people
// read it.
type htmlWord struct {
	Class string `json:"c"`
	Word  string `json:"w"`
	Name  string `json:"n,omitempty"` // of a phase, as it stands in the JSON report
	Bad   bool   `json:"bad,omitempty"`
}

type htmlFile struct {
	Path    int    `json:"p"`
	Vantage string `json:"v,omitempty"` // client | server | middle
	Side    string `json:"s"`           // who wrote it: client | server | resolver; captures: none
	Clock   int    `json:"k"`           // index; -1: none
	From    *int64 `json:"a,omitempty"`
	To      *int64 `json:"z,omitempty"`
}

type htmlClock struct {
	Name     int       `json:"n"`
	Status   string    `json:"s"`
	Segments [][]int64 `json:"g,omitempty"` // from and to by the reference clock, offset, low, high, offset at the end, low, high there, 1 after a step
	Points   [][]int64 `json:"e,omitempty"` // at, low, high, 1 where it was set aside; an open bound is far off
}

type htmlFinding struct {
	ID       int    `json:"i"`
	Rule     int    `json:"r"`
	Severity string `json:"v"`
	Journeys []int  `json:"j"` // indices of Journeys
}

type htmlJourney struct {
	ID      int          `json:"i"`
	Service int          `json:"s"`
	Name    int          `json:"n"`
	Client  int          `json:"c"`
	Server  int          `json:"d"`
	Start   int64        `json:"t"`
	Total   *int64       `json:"l,omitempty"`
	Outcome int          `json:"o"`
	Status  int          `json:"h,omitempty"` // of HTTP
	File    int          `json:"f"`           // of the packets; -1: none
	Phases  [][]int64    `json:"p"`           // phase, start − Start, length (-1: unknown), outcome, 1 where the start is unknown
	Shares  [][]int64    `json:"b,omitempty"` // cause, time
	Resent  []int64      `json:"r,omitempty"` // instants of trouble − Start
	Lines   int          `json:"x,omitempty"` // matched ones
	Moments []htmlMoment `json:"m,omitempty"`
	Quotes  []htmlLine   `json:"q,omitempty"`
}

type htmlMoment struct {
	At     int64     `json:"t"` // − Start
	Raw    int64     `json:"r,omitempty"`
	Kind   int       `json:"k"`
	From   string    `json:"f,omitempty"`
	File   int       `json:"e"`
	Frame  int       `json:"n,omitempty"`
	Detail int       `json:"d,omitempty"` // 0: none
	Others [][]int64 `json:"x,omitempty"` // file, frame, instant − Start, raw − instant
}

type htmlLine struct {
	At   *int64 `json:"t,omitempty"` // − Start
	Raw  int64  `json:"r,omitempty"` // raw − corrected
	Low  *int64 `json:"a,omitempty"` // − At
	High *int64 `json:"z,omitempty"`
	File int    `json:"e"`
	Line int    `json:"n"`
	Sure int    `json:"p"` // hundredths
	Fits bool   `json:"m"` // matched, not ambiguous
	Text string `json:"x,omitempty"`
	By   int    `json:"b,omitempty"`
}

// packer gives strings, words and files their indices.
type packer struct {
	d                                 *layout
	out                               htmlData
	texts                             map[string]int
	phases, causes, outcomes, moments map[string]int
	files                             map[string]int
}

// htmlData is the data of the script, as JSON in which markup cannot begin.
func (d *layout) htmlData() (template.JS, error) {
	p := &packer{d: d, texts: map[string]int{}, phases: map[string]int{}, causes: map[string]int{}, outcomes: map[string]int{}, moments: map[string]int{}, files: map[string]int{}}
	p.text("")
	p.out.Words = map[string]string{}
	p.out.Findings, p.out.Journeys = []htmlFinding{}, []json.RawMessage{}
	p.out.Files, p.out.Clocks = []htmlFile{}, []htmlClock{}
	for key, t := range htmlTexts {
		p.out.Words[key] = t.In(d.l)
	}
	p.base()
	p.clocks()
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
	p.out.Texts = append(p.out.Texts, foreign(s, longestLine))
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
	if t, ok := htmlPhases[name]; ok {
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

func (p *packer) at(t report.Instant) int64 { return int64(t)/1000 - p.out.Base }

func (p *packer) clocks() {
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

func (p *packer) evidence() {
	clocks := map[string]int{}
	for i, k := range p.d.r.Clocks {
		clocks[k.ID] = i
	}
	for i, e := range p.d.r.Evidence {
		p.files[e.ID] = i
		f := htmlFile{Path: p.text(e.Path), Side: cmp.Or(sides[e.Kind], "server"), Clock: -1}
		if e.Vantage == "client" || e.Vantage == "server" || e.Vantage == "middle" {
			f.Vantage = e.Vantage
		}
		if k, ok := clocks[e.Clock]; ok {
			f.Clock = k
		}
		if e.First != nil && e.Last != nil {
			from, to := p.corrected(f.Clock, *e.First), p.corrected(f.Clock, *e.Last)
			f.From, f.To = &from, &to
		}
		p.out.Files = append(p.out.Files, f)
	}
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

// file is the index of a file; -1: it is not in the report.
func (p *packer) file(id string) int {
	if i, ok := p.files[id]; ok {
		return i
	}
	return -1
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
	packed, room := make(map[int]json.RawMessage, len(order)), mostDetails
	for _, i := range order {
		j := &p.d.r.Journeys[i]
		row := p.journey(j)
		if room > 0 {
			p.details(&row, j)
		} else if len(j.Instants)+len(j.Lines) > 0 {
			p.out.Bare++
		}
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		packed[i], room = text, room-len(text)
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
