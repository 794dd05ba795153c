package correlate

import (
	"math"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// How two views of one connection find their exchanges, ns.
const (
	sameTransit  = int64(60 * time.Millisecond)  // requests differ by no more in how long they took from one point to the other
	usualTransit = int64(250 * time.Millisecond) // the same, where a loss may be among them
)

// firstTried bounds the exchanges of each view that are tried as the first that both
// have.
const firstTried = 4

// exchangePartners tells for each exchange of own which of other is the same one; −1:
// none. a and b are the flows they belong to.
//
// A capture that misses packets misses exchanges too, and from there on their order
// alone would pair each with another request. How long after its twin a request
// passes is nearly the same for all of a connection.
func exchangePartners(own, other []pcapflow.Exchange, a, b *pcapflow.Flow) []int {
	out := make([]int, len(own))
	if sawOpening(a) && sawOpening(b) && !inStep(own, other) {
		byTransit(out, own, other, lastSYN(b)-lastSYN(a))
		return out
	}
	shift := exchangeShift(own, other, a, b)
	for i := range out {
		if out[i] = i + shift; out[i] < 0 || out[i] >= len(other) {
			out[i] = -1
		}
	}
	return out
}

// sawOpening tells whether a capture saw the connection begin.
func sawOpening(f *pcapflow.Flow) bool { return f.Conn != nil && len(f.Conn.SYN) > 0 }

// lastSYN is when the SYN passed that opened the connection, ns: those before it may
// be lost between two captures.
func lastSYN(f *pcapflow.Flow) int64 { return f.Conn.SYN[len(f.Conn.SYN)-1].Time }

// transit is how long after x, by the captures' own clocks, y's request began.
func transit(x, y *pcapflow.Exchange) (d int64, ok bool) {
	return y.RequestFirst.Time - x.RequestFirst.Time, x.RequestFirst.Seen() && y.RequestFirst.Seen()
}

// inStep tells whether nothing speaks against pairing both views in their order.
func inStep(own, other []pcapflow.Exchange) bool {
	least, most := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range min(len(own), len(other)) {
		if d, ok := transit(&own[i], &other[i]); ok {
			least, most = min(least, d), max(most, d)
		}
	}
	return len(own) == len(other) && (least > most || most-least <= usualTransit)
}

// byTransit pairs what differs by the transit that most exchanges have, of several the
// one nearest to that of the SYN, in order, and between two such pairs what is as many
// in both views and as large: a request that was lost on the way passes late.
func byTransit(out []int, own, other []pcapflow.Exchange, syn int64) {
	best, most := int64(0), 0
	for i := range own[:min(len(own), firstTried)] {
		for k := range other[:min(len(other), firstTried)] {
			if d, ok := transit(&own[i], &other[k]); ok {
				if n := pairsAt(d, nil, own, other); n > most || n == most && abs(d-syn) < abs(best-syn) {
					best, most = d, n
				}
			}
		}
	}
	for i := range out {
		out[i] = -1
	}
	if most > 0 {
		pairsAt(best, out, own, other)
	}
	for i, k := 0, 0; i <= len(own); i++ {
		if i < len(own) && out[i] < 0 {
			continue
		}
		from := i // of the run without partners before it
		for from > 0 && out[from-1] < 0 {
			from--
		}
		end := len(other)
		if i < len(own) {
			end = out[i]
		}
		if i-from == end-k {
			for n := from; n < i; n++ {
				if m := k + n - from; own[n].RequestBytes == other[m].RequestBytes {
					out[n] = m
				}
			}
		}
		k = end + 1
	}
}

// pairsAt counts, and writes to out unless it is nil, the exchanges that differ by d,
// nearly, each with the first that is left.
func pairsAt(d int64, out []int, own, other []pcapflow.Exchange) (n int) {
	k := 0
	for i := range own {
		for k < len(other) {
			got, ok := transit(&own[i], &other[k])
			if ok && got >= d-sameTransit {
				break
			}
			k++
		}
		if k == len(other) {
			break
		}
		if got, ok := transit(&own[i], &other[k]); ok && got <= d+sameTransit {
			if out != nil {
				out[i] = k
			}
			n, k = n+1, k+1
		}
	}
	return n
}
