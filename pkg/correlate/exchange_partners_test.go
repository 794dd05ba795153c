package correlate

import (
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestExchangePartners: views of one connection whose captures miss requests, one of
// which came late after a loss, on clocks that are three seconds apart.
func TestExchangePartners(t *testing.T) {
	view := func(ms ...int64) (list []pcapflow.Exchange) {
		for _, at := range ms {
			list = append(list, pcapflow.Exchange{RequestFirst: pcapflow.Stamp{Time: 1e15 + at*1e6, Frame: 1}})
		}
		return list
	}
	opened := func(ms int64) *pcapflow.Flow {
		return &pcapflow.Flow{Conn: &pcapflow.Conn{SYN: []pcapflow.Stamp{{Time: 1e15 + ms*1e6, Frame: 1}}}}
	}
	for _, c := range []struct {
		name       string
		own, other []pcapflow.Exchange
		want       []int
	}{
		{"all in both", view(0, 500, 1000), view(3020, 3520, 4025), []int{0, 1, 2}},
		{"one is missing in the other", view(0, 500, 1000, 1500), view(3020, 4020, 4520), []int{0, -1, 1, 2}},
		{"one is missing here", view(0, 1000, 1500), view(3020, 3520, 4020, 4520), []int{0, 2, 3}},
		{"each lacks another one", view(0, 1000, 1500, 2000), view(3020, 3520, 4020, 5020), []int{0, 2, -1, 3}},
		{"the first is missing here", view(500, 1000, 1500), view(3020, 3520, 4020, 4520), []int{1, 2, 3}},
		{"one was repeated on the way", view(0, 500, 1500, 2500), view(3020, 4120, 4520, 5520), []int{0, 1, 2, 3}},
	} {
		if got := exchangePartners(c.own, c.other, opened(-40), opened(2980)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
