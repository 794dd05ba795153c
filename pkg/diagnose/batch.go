package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// hit is one journey that a rule's trouble befell.
type hit struct {
	journey  *correlate.Journey
	lost     time.Duration // what it cost
	evidence []Evidence
	gone     []correlate.Loss // where packets of it were lost, as far as several captures tell
}

// batch is the hits of one cause.
type batch struct {
	key   string
	hits  []hit
	about []string // what the hits speak of where it is not a server: names that were looked up
	named map[string]bool
	times int // how often it happened, where one hit may count several
}

// batches keeps them in order of first mention.
type batches struct {
	all   []*batch
	index map[string]*batch
	felt  *int // hits of all that are felt, once counted
}

func (b *batches) add(key string, h hit) *batch {
	if b.index == nil {
		b.index = map[string]*batch{}
	}
	x := b.index[key]
	if x == nil {
		x = &batch{key: key}
		b.index[key] = x
		b.all = append(b.all, x)
	}
	x.hits = append(x.hits, h)
	return x
}

// mention notes what a hit is about, each once.
func (b *batch) mention(what string) {
	if what == "" || b.named[what] {
		return
	}
	if b.named == nil {
		b.named = map[string]bool{}
	}
	b.named[what] = true
	b.about = append(b.about, what)
}

// maxNamed is how many names a sentence lists before it counts the rest.
const maxNamed = 6

// maxName is how many characters of each: a name may have 253 (RFC 1035, section
// 2.3.4), of which tunnels make use.
const maxName = 80

// list names what a batch is about.
func (c *Case) list(b *batch) string {
	named := slices.Clone(b.about[:min(len(b.about), maxNamed)])
	for i, name := range named {
		named[i] = shorten(name, maxName)
	}
	text := strings.Join(named, ", ")
	if n := len(b.about) - maxNamed; n > 0 {
		text += c.say(lang.Text{EN: " and %d more", ES: " y %d más"}, n)
	}
	return text
}

// maxProven is how many journeys of a batch show their frames: the dearest.
const maxProven = 40

// finding begins one about the whole batch.
func (b *batch) finding(s Severity, k Confidence) Finding {
	f := Finding{Severity: s, Confidence: k}
	var whole time.Duration
	seen := make(map[*correlate.Journey]bool, len(b.hits))
	for _, h := range b.hits {
		f.Lost += h.lost
		whole += max(h.lost, length(h.journey))
		if !seen[h.journey] {
			seen[h.journey] = true
			f.Journeys = append(f.Journeys, h.journey)
		}
	}
	if whole > 0 {
		f.Share = float64(f.Lost) / float64(whole)
	}
	dear := slices.Clone(b.hits)
	slices.SortStableFunc(dear, func(x, y hit) int { return cmp.Compare(y.lost, x.lost) })
	for _, h := range dear[:min(len(dear), maxProven)] {
		f.Evidence = append(f.Evidence, h.evidence...)
	}
	f.Evidence = merge(f.Evidence)
	return f
}

// worst is the dearest hit.
func (b *batch) worst() hit {
	w := b.hits[0]
	for _, h := range b.hits {
		if h.lost > w.lost {
			w = h
		}
	}
	return w
}

// telling makes one finding a batch: sentence fills in what the batch alone
// cannot know.
func (b *batches) telling(s Severity, k Confidence, sentence func(b *batch, f *Finding)) []Finding {
	var out []Finding
	for _, x := range b.all {
		f := x.finding(s, k)
		sentence(x, &f)
		f.Example = x.worst().journey
		out = append(out, f)
	}
	return out
}

// weighed sets the severity of a finding about a batch of which some hits are
// felt, where any of all batches could have befallen so many journeys; and
// whether it tells what happened though it is a note.
func (c *Case) weighed(r *Rule, all *batches, b *batch, f *Finding, of int) {
	if all.felt == nil {
		n := 0
		for _, x := range all.all {
			n += c.feltHits(r, x, c.limit(r, felt))
		}
		all.felt = &n
	}
	n := *all.felt
	own := c.feltHits(r, b, c.limit(r, felt))
	f.Severity = Note
	if own > 0 && c.loudness(r, n, of) == Warning {
		f.Severity = Warning
		return
	}
	f.answers = c.count(r, seldom)*own >= of && own > 0
	// What each hardly feels is trouble when it befalls many.
	n = c.feltHits(r, b, 0)
	if slices.Contains(lossRules, r.Name) {
		n, of = c.lossy(r)
	}
	if c.feltHits(r, b, 0) > 0 && n >= c.count(r, fewest) && float64(n) >= c.number(r, manyHit)*float64(of) {
		f.Severity = Warning
	}
}

// feltHits counts those of a batch that cost so much, and a noticeable share of
// their journey.
func (c *Case) feltHits(r *Rule, b *batch, least time.Duration) int {
	n := 0
	for _, h := range b.hits {
		if h.lost > 0 && h.lost >= least && c.exceeds(r, feltShare, h.lost, length(h.journey)) {
			n++
		}
	}
	return n
}

// loudness is the severity of something that befell n of all: rare ones are part
// of any network's or application's day.
func (c *Case) loudness(r *Rule, n, all int) Severity {
	if c.count(r, everyday)*n < all {
		return Note
	}
	return Warning
}

// upTo writes what a batch's hits cost: one figure where there is one, a range
// where they differ.
func (c *Case) upTo(r *Rule, b *batch) string {
	low, high := b.hits[0].lost, b.hits[0].lost
	for _, h := range b.hits {
		low, high = min(low, h.lost), max(high, h.lost)
	}
	if len(b.hits) == 1 || float64(high-low) < c.number(r, alikeShare)*float64(high) {
		return span(high)
	}
	return fmt.Sprintf("%s–%s", span(low), span(high))
}

// doubts fills in what was found of a rule's refuters, in their order.
func (c *Case) doubts(r *Rule, found ...doubt) []Refuter {
	var out []Refuter
	for i, d := range found {
		out = append(out, Refuter{Text: r.Refuters[i].In(c.Lang), Status: d.status, Command: d.command})
	}
	return out
}

// doubt is what is known of one refuter.
type doubt struct{ status, command string }

var (
	isFound  = doubt{status: "found"}
	notFound = doubt{status: "not-found"}
)

// notCollected takes a command with placeholders.
func notCollected(command string) doubt { return doubt{"not-collected", command} }

// foundIf is found or not found.
func foundIf(yes bool) doubt {
	if yes {
		return isFound
	}
	return notFound
}

// lasted is how long a connection went on until it was given up.
func lasted(p correlate.Point) time.Duration {
	return time.Duration(p.Flow.End.Time - p.Flow.Start.Time)
}

// length is how long a journey took; where nothing of its protocol tells when
// it was over, its connection does.
func length(j *correlate.Journey) time.Duration {
	if j.Exchange == nil && j.SSH == nil && j.NTP == nil && len(j.Points) > 0 && j.Service != "dns" && j.Service != "quic" {
		return max(j.Total(), lasted(j.Points[0]))
	}
	return j.Total()
}
