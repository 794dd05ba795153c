package pcapflow

import (
	"fmt"
	"strings"
	"testing"
)

// TestUploadAnsweredEarly: which records are one request, where a server answers before
// all of it was sent, and where it does not. A record is its plaintext's size, negative
// from the server; ~ before it says that it began before the record before it did.
func TestUploadAnsweredEarly(t *testing.T) {
	for _, c := range []struct {
		name, records, want string
		h2                  bool
	}{
		{"turned down, all of it sent, the server closes", "53 16384 16384 -348 16384 16384 10000", "75589:348", false},
		{"with a further request that nobody reads", "53 8192 8192 -348 8192 5088 28", "29745:348", false},
		{"drained, the next one is answered", "53 8192 8192 -348 8192 8192 28 -90", "32821:348 28:90", false},
		{"answered by its head alone", "53 -348 ~8192 8192 8192 100", "24729:348", false},
		{"the first connection's request before it", "28 -149 53 16384 16384 -348 16384 900", "28:149 50105:348", false},
		{"ends in a full block, the next one is not answered", "53 16384 16384 -200 28", "32821:200 28:", false},
		{"equal requests of one record each", "5000 -90 5000 -90 5000 -90", "5000:90 5000:90 5000:90", false},
		{"equal uploads", "53 16384 700 -90 53 16384 700 -90", "17137:90 17137:90", false},
		{"small blocks of a form", "300 1000 -90 1000 -90", "1300:90 1000:90", false},
		{"HTTP/2, turned down", "76 16384 9 -264 16384 9 16384 9 16384 9 13 18 -68", "65612:264 18:68", true},
	} {
		g := &exchangeGuess{f: &Flow{TLS: &TLS{}}, known: true, protocol: guessHTTP1}
		if c.h2 {
			g.protocol, g.preface, g.settings = guessHTTP2, true, true
		}
		var before Stamp
		for i, word := range strings.Fields(c.records) {
			word, early := strings.CutPrefix(word, "~")
			n := 0
			fmt.Sscan(word, &n)
			last := at(10*i+10, 0)
			last.Time = int64(i+1) * 1e6
			first := last
			if early {
				first = before
				first.Time--
			}
			if before = last; n < 0 {
				g.server(-n, first, last)
			} else {
				g.client(n, first, last)
			}
		}
		g.closeNotify(Server, before)
		g.close()
		var got []string
		for _, e := range g.list {
			answer := ""
			if e.ResponseFirst.Seen() {
				answer = fmt.Sprint(e.ResponseBytes)
			}
			got = append(got, fmt.Sprintf("%d:%s", e.RequestBytes, answer))
			if e.RequestLast.Time > e.ResponseFirst.Time && e.ResponseFirst.Seen() && e.Exact {
				t.Errorf("%s: %+v is told as exact", c.name, e)
			}
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
