package render

import (
	"regexp"
	"strings"
	"sync"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// phraseForms are the phrases as patterns, made when one is first asked for.
var phraseForms = sync.OnceValue(func() []*regexp.Regexp {
	out := make([]*regexp.Regexp, len(phrases))
	for i, p := range phrases {
		parts := phraseParts(p.EN)
		for k := range parts {
			parts[k] = regexp.QuoteMeta(parts[k])
		}
		out[i] = regexp.MustCompile("^" + strings.Join(parts, "(.+?)") + "$")
	}
	return out
})

// phraseParts are the words of a phrase between what changes.
func phraseParts(s string) []string {
	parts := strings.Split(s, "%s")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], "%%", "%")
	}
	return parts
}

// Phrase gives a phrase of the rooms below in the reader's language; what is
// none stands as it is.
func Phrase(s string, l lang.Lang) string {
	if l == lang.EN || len(s) > 2000 {
		return s
	}
	for i, form := range phraseForms() {
		m := form.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		parts := phraseParts(phrases[i].In(l))
		out := parts[0]
		for k, part := range m[1:] {
			out += Phrase(part, l) + parts[k+1]
		}
		return out
	}
	if head, rest, ok := strings.Cut(s, "; "); ok { // several reasons in a row
		return Phrase(head, l) + "; " + Phrase(rest, l)
	}
	if head, rest, ok := strings.Cut(s, ": "); ok { // of a file
		return head + ": " + Phrase(rest, l)
	}
	return s
}

func (d *layout) phrase(s string) string { return Phrase(s, d.l) }
