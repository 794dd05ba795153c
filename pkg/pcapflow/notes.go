package pcapflow

import (
	"slices"
	"strings"
)

// notesMax bounds a flow's notes whatever the traffic.
const notesMax = 32

// noteOnce adds text to the flow's notes unless a note that begins with one of
// said, or with text itself, is already there.
func noteOnce(f *Flow, text string, said ...string) {
	if len(f.Notes) >= notesMax {
		return
	}
	known := func(n string) bool {
		return n == text || slices.ContainsFunc(said, func(p string) bool { return strings.HasPrefix(n, p) })
	}
	if !slices.ContainsFunc(f.Notes, known) {
		f.Notes = append(f.Notes, text)
	}
}
