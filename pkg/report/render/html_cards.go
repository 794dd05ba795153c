package render

import (
	"fmt"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// Bounds of the findings in a page.
const (
	mostCards   = 200
	mostProofs  = 40      // of one finding
	mostFilters = 500_000 // bytes of all filters together
)

// card is a finding with all that speaks for and against it.
type card struct {
	ID, Rule, Severity, SeverityWord, Confidence, Text string
	Small                                              []string // share, time lost
	Journeys                                           []string // identifiers, the first ones
	MoreJourneys                                       int
	Proofs                                             []proofView
	MoreProofs                                         int
	Refuters                                           []refuterView
}

// alsoView names another finding on the first screen.
type alsoView struct{ ID, Severity, Word, Text string }

type proofView struct{ File, Filter, Lines, Frames string }

type refuterView struct{ Text, Status, Word, Command string }

// severities of a finding, worst first, as the style names them.
var severities = []string{"error", "warning", "note", "info"}

// card shows a finding; room is how many bytes of filters the page still takes.
func (d *layout) card(f *report.Finding, room *int) card {
	const mostJourneys = 12
	c := card{
		ID: foreign(f.ID, 100), Rule: foreign(f.Rule, 100), Severity: known(f.Severity, severities), SeverityWord: foreign(d.word(f.Severity), 100),
		Confidence: d.say(lang.Text{EN: "confidence %s", ES: "confianza %s"}, foreign(d.word(f.Confidence), 100)), Text: foreign(f.Text, longestText),
	}
	if f.Share != nil {
		c.Small = append(c.Small, d.say(lang.Text{EN: "%.0f %% of their time", ES: "%.0f %% de su tiempo"}, 100*float64(*f.Share)))
	}
	if f.Lost != nil {
		c.Small = append(c.Small, d.say(lang.Text{EN: "%s lost in all", ES: "%s perdidos en total"}, span(*f.Lost)))
	}
	for _, id := range f.Journeys {
		if len(c.Journeys) < mostJourneys {
			c.Journeys = append(c.Journeys, foreign(id, 100))
		}
	}
	c.MoreJourneys = len(f.Journeys) - len(c.Journeys)
	for i, e := range f.Evidence {
		if i == mostProofs {
			c.MoreProofs = len(f.Evidence) - i
			break
		}
		p := proofView{File: d.filePath(e.Evidence)}
		if len(e.Filter) <= *room { // there to be copied, it is whole or not at all
			p.Filter, *room = Printable(e.Filter), *room-len(e.Filter)
		}
		if len(e.Lines) > 0 {
			p.Lines = numbers(e.Lines)
		}
		if len(e.Frames) > 0 {
			p.Frames = numbers(e.Frames)
		}
		c.Proofs = append(c.Proofs, p)
	}
	for _, x := range f.Refuters {
		c.Refuters = append(c.Refuters, refuterView{foreign(x.Text, longestText), known(x.Status, []string{"found", "not-found", "not-collected"}), foreign(d.word(x.Status), 100), foreign(x.Command, longestText)})
	}
	return c
}

// cards are the findings besides the one told, the gravest first.
func (d *layout) cards(p *htmlPage, told *report.Finding, room *int) {
	others := d.untold(told)
	count := map[string]int{}
	for i, f := range others {
		count[f.Severity]++
		if i < mostCards {
			p.Cards = append(p.Cards, d.card(f, room))
		}
	}
	for i, f := range d.worthTelling(told) {
		if p.MoreAlso = i == mostAlso; p.MoreAlso {
			break
		}
		p.Also = append(p.Also, alsoView{foreign(f.ID, 100), known(f.Severity, severities), foreign(d.word(f.Severity), 100), foreign(d.inBrief(f, 160), 320)})
	}
	if n := len(others) - len(p.Cards); n > 0 {
		p.MoreCards = d.say(lang.Text{EN: "… and %d more, in the JSON report.", ES: "… y %d más, en el informe JSON."}, n)
	}
	var parts []string
	for _, s := range severities {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d × %s", count[s], d.word(s)))
		}
	}
	p.CardsState = strings.Join(parts, ", ")
}
