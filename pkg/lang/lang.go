// Package lang holds the two languages flowcorr speaks.
package lang

// Lang is a language of reports and messages.
type Lang uint8

const (
	EN Lang = iota
	ES
)

// Text is one sentence, or a format for fmt.Sprintf, in every language. Both
// must be there, with the same verbs in the same order; a test holds that.
type Text struct{ EN, ES string }

// In returns the sentence in one language.
func (t Text) In(l Lang) string {
	if l == ES {
		return t.ES
	}
	return t.EN
}
