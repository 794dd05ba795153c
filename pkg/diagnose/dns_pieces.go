package diagnose

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// inPart tells whether of an answer to the lookup some fragments came and others
// did not: the resolver answered, and the path dropped a part of it.
func inPart(l *correlate.Lookup) bool {
	return slices.ContainsFunc(l.Tries, func(t correlate.Try) bool { return t.PieceLost })
}

// piecesLost tells of the lookups that were repeated because of it.
func (c *Case) piecesLost(r *Rule) []Finding {
	var found batches
	for _, l := range c.userLookups() {
		if n, wait := c.retries(l); n > 0 && inPart(l) {
			c.addLookup(&found, names(l.Resolvers), l, wait)
		}
	}
	return found.telling(Warning, High, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "Resolver %s answered for %s in fragments of which not all arrived: the client had to ask again, %s later. The path drops fragments.",
			ES: "El servidor DNS %s respondió por %s en fragmentos de los que no llegaron todos: el cliente tuvo que preguntar otra vez, %s después. El camino descarta fragmentos.",
		}, b.key, c.list(b), c.upTo(r, b))
		f.Refuters = c.doubts(r, notFound, notFound)
	})
}
