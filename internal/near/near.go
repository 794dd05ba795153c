// Package near finds what somebody meant who mistyped a word.
package near

import "strings"

// Word is the word that is most like a mistyped one: at most two letters
// differ, or a third of it, but never more than half, and half only where it
// begins alike, or it begins with it; "" where none is near.
func Word(word string, words []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, w := range words {
		d := distance(strings.ToLower(word), strings.ToLower(w))
		if len(word) > 2 && strings.HasPrefix(w, word) {
			d = min(d, 1)
		}
		alike := word != "" && w != "" && strings.EqualFold(word[:1], w[:1])
		if d < least && d < len(w) && (2*d < len(word) || 2*d == len(word) && alike) {
			best, least = w, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, change or swap with their
// neighbour to turn a into b (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
