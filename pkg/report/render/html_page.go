package render

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// Bounds of what stands in the page as text; the data of the script has its
// own.
const (
	mostLines    = 40  // lines of the answer's journeys
	mostSteps    = 300 // of a timeline
	mostFiles    = 1000
	mostProblems = 50   // of one file
	longestLine  = 400  // characters of a quoted line
	longestText  = 3000 // of any other foreign text
)

// htmlPage is what the template shows. Foreign text in it has been made printable.
type htmlPage struct {
	Policy     string
	Style      template.CSS
	Script     template.JS
	Data       template.JS
	Lang       string
	Generator  string
	Period     string
	Facts      []string
	Notices    []string // of a part of a report, of replaced text
	Answer     *card
	Verdict    string   // what the answer says first
	Tone       string   // its severity
	Worth      string   // what is most worth knowing, where nothing is wrong
	Doubts     []string // what stands against it, or was not collected
	Also       []alsoView
	MoreAlso   bool   // findings that are not named there
	Quiet      string // what is said where there is no answer
	Focus      *focusView
	Cards      []card
	CardsState string
	MoreCards  string
	Clocks     []clockView
	ClockState string
	Checks     []checkView
	CheckState string
	Files      []fileView
	FileState  string
	MoreFiles  string
	Unmatched  []string
	Unchecked  []blockView
	Series     []blockView
}

type checkView struct {
	Item, Status, Word, Text, Command string
}

type fileView struct {
	ID, Path, Kind, Hash, Size, Records, From, To, Zone, Clock, Vantage, Reason string
	Problems                                                                    []string
	MoreProblems                                                                int
}

// foreign makes text from outside fit for the page: printable and bounded.
// What the page does to markup is the template's and the script's work.
func foreign(s string, most int) string {
	if len(s) > 4*most { // a character has four bytes at most
		s = s[:4*most]
	}
	return shorten(Printable(s), most)
}

func (d *layout) page() (*htmlPage, error) {
	data, err := d.htmlData()
	if err != nil {
		return nil, err
	}
	p := &htmlPage{
		Data: data, Lang: map[lang.Lang]string{lang.EN: "en", lang.ES: "es"}[d.l],
		Generator: foreign(d.r.Generator.Name+" "+d.r.Generator.Version, 100), Period: d.period(), Facts: d.facts(),
	}
	room := mostFilters
	a, verdict, worth := d.answer()
	if a != nil {
		c := d.card(a, &room)
		p.Answer, p.Verdict, p.Tone, p.Worth = &c, foreign(verdict, longestText), c.Severity, foreign(worth, longestText)
		if worth != "" {
			p.Tone = "info"
		}
		p.Doubts = d.apart(func(d *layout) { d.doubt(a) }).texts()
	} else {
		p.Quiet = d.label("quiet")
	}
	if j := d.r.Focus(); j != nil {
		p.Focus = d.focus(j)
	}
	d.cards(p, a, &room)
	p.Notices = d.apart((*layout).notices).texts()
	p.Unchecked = blockViews(d.apart((*layout).unchecked).out)
	if s := d.r.Series; s != nil {
		p.Series = blockViews(d.apart(func(d *layout) {
			d.dnsSeries(s)
			d.ntpSeries(s.NTP)
			d.gateways(s.Gateways)
			d.neighbours(s.Neighbours)
		}).out)
	}
	d.clockViews(p)
	d.checks(p)
	d.fileViews(p)
	for i, u := range d.r.Unmatched {
		if i == mostFiles {
			p.Unmatched = append(p.Unmatched, fmt.Sprintf("… +%d", len(d.r.Unmatched)-i))
			break
		}
		p.Unmatched = append(p.Unmatched, fmt.Sprintf("%s: %d: %s (%s)", d.filePath(u.Evidence), len(u.Lines), foreign(u.Reason, 300), numbers(u.Lines)))
	}
	return p, nil
}

// apart is a document of its own with one section of the others.
func (d *layout) apart(section func(*layout)) *layout {
	part := &layout{r: d.r, l: d.l}
	section(part)
	return part
}

// texts are the paragraphs of a document.
func (d *layout) texts() []string {
	var out []string
	for _, b := range d.out {
		if b.text != "" {
			out = append(out, foreign(b.text, longestText))
		}
	}
	return out
}

// filePath is the path of a file as it may be shown.
func (d *layout) filePath(id string) string {
	return foreign(d.place(id, "", 0), longestLine)
}

// period is the stretch of the journeys on the reference clock; of the files as
// they are written where there is no journey.
func (d *layout) period() string {
	first, last, seen := report.Instant(0), report.Instant(0), false
	add := func(at report.Instant) {
		if !seen {
			first, last, seen = at, at, true
		}
		first, last = min(first, at), max(last, at)
	}
	for i := range d.r.Journeys {
		j := &d.r.Journeys[i]
		add(startOf(j))
		add(startOf(j) + report.Instant(j.Length()))
	}
	for _, e := range d.r.Evidence {
		if len(d.r.Journeys) == 0 && e.First != nil && e.Last != nil {
			add(*e.First)
			add(*e.Last)
		}
	}
	if !seen {
		return ""
	}
	from, to := time.Unix(0, int64(first)).UTC(), time.Unix(0, int64(last)).UTC()
	format := time.TimeOnly
	if from.Format(time.DateOnly) != to.Format(time.DateOnly) {
		format = time.DateTime
	}
	return fmt.Sprintf("%s – %s UTC", from.Format(time.DateTime), to.Format(format))
}

func (d *layout) facts() []string {
	measured := 0
	for _, k := range d.r.Clocks {
		if k.Status != "ambiguous" && k.Status != "insufficient" {
			measured++
		}
	}
	return []string{
		d.say(lang.Text{EN: "%d of %d files used", ES: "%d de %d archivos usados"}, d.usable(), len(d.r.Evidence)),
		d.countJourneys(len(d.r.Journeys)), d.countFindings(len(d.r.Findings)),
		d.say(lang.Text{EN: "%d of %d clocks known", ES: "%d de %d relojes conocidos"}, measured, len(d.r.Clocks)),
	}
}

// known is w where it is one of the words a style knows, else "other".
func known(w string, words []string) string {
	if slices.Contains(words, w) {
		return w
	}
	return "other"
}

func (d *layout) checks(p *htmlPage) {
	shown := 0
	var missing []string
	for _, k := range d.r.Checklist {
		v := checkView{foreign(d.word(k.Item), 200), known(k.Status, []string{"shown", "contradicted", "missing"}), d.label("check-" + known(k.Status, []string{"shown", "contradicted", "missing"})), foreign(k.Text, longestText), foreign(k.Command, longestText)}
		switch k.Status {
		case "shown":
			shown++
		case "missing":
			missing = append(missing, v.Item)
		}
		p.Checks = append(p.Checks, v)
	}
	p.CheckState = d.say(lang.Text{EN: "%d of %d shown", ES: "%d de %d a la vista"}, shown, len(p.Checks))
	if len(missing) > 0 {
		p.CheckState += d.say(lang.Text{EN: "; missing: %s", ES: "; falta: %s"}, strings.Join(missing, ", "))
	}
}

func (d *layout) fileViews(p *htmlPage) {
	troubled := 0
	for i, e := range d.r.Evidence {
		if len(e.Problems) > 0 {
			troubled++
		}
		if i >= mostFiles {
			continue
		}
		v := fileView{
			ID: foreign(e.ID, 100), Path: foreign(e.Path, longestLine), Kind: foreign(e.Kind, 100), Hash: foreign(e.SHA256, 64), Size: size(e.Bytes), Records: fmt.Sprint(e.Records),
			Zone: foreign(d.zone(e.Zone), 100), Clock: foreign(e.Clock, 100),
		}
		if e.Kind == "unrecognised" || len(e.Problems) > 0 { // why a file was taken for what it is, where a reader may doubt it
			v.Reason = foreign(e.Reason, longestText)
		}
		if e.Packing != "" {
			v.Kind += ", " + foreign(e.Packing, 100)
		}
		if e.First != nil && e.Last != nil {
			v.From, v.To = stampOf(*e.First), stampOf(*e.Last)
		}
		if e.Vantage != "" {
			v.Vantage = foreign(d.word(e.Vantage), 100)
		}
		for i, x := range e.Problems {
			if i == mostProblems {
				v.MoreProblems = len(e.Problems) - i
				break
			}
			v.Problems = append(v.Problems, d.position(x)+foreign(x.Text, longestLine))
		}
		p.Files = append(p.Files, v)
	}
	if n := len(d.r.Evidence) - len(p.Files); n > 0 {
		p.MoreFiles = d.say(lang.Text{EN: "… and %d more, in the JSON report.", ES: "… y %d más, en el informe JSON."}, n)
	}
	p.FileState = d.say(lang.Text{EN: "%d files, %d with problems", ES: "%d archivos, %d con problemas"}, len(d.r.Evidence), troubled)
}

// size writes a number of bytes as people read it.
func size(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 10_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// stampOf writes day and time in ms, UTC.
func stampOf(t report.Instant) string {
	return time.Unix(0, int64(t)).UTC().Format("2006-01-02 15:04:05.000")
}
