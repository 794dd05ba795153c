package correlate

import (
	"fmt"
	"slices"
	"testing"

	"github.com/flowcorr/flowcorr/internal/growth"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestBoundedSearches: a connection before which more lookups came than are looked
// at says so, another does not.
func TestBoundedSearches(t *testing.T) {
	run := func(lookups int) []Bounded {
		s := newScene()
		for i := range lookups {
			s.query(s.dns(uint16(20000+i)), uint16(i+1), fmt.Sprintf("n%d.example", i), "A", float64(i)*100, float64(i)*100+10, "NOERROR", fmt.Sprintf("192.0.2.%d", i%250))
		}
		s.connect("10.0.0.2:50000", "198.51.100.7:443", float64(lookups)*100+5000, 15)
		inc := s.incident()
		b := build(inc, asWritten{}, Options{})
		return boundedSearches(b.links, matchLines(inc, b, asWritten{}))
	}
	if got := run(considered); len(got) != 0 {
		t.Errorf("all lookups were looked at: %v", got)
	}
	if got := run(considered + 50); !slices.Equal(got, []Bounded{{SearchLookups, considered, 1}}) {
		t.Errorf("a connection with more lookups before it: %v", got)
	}
}

// TestExchangeShiftGrowth: two views of a connection, one of which begins late, are
// laid over one another in time that grows with the requests.
func TestExchangeShiftGrowth(t *testing.T) {
	views := func(n int) (own, late []pcapflow.Exchange) {
		for i := range n {
			x := pcapflow.Exchange{RequestBytes: int64(200 + i*7919%4001), ResponseBytes: int64(1000 + i*104729%50021)}
			own = append(own, x)
		}
		return own, own[n/2:]
	}
	f := &pcapflow.Flow{Conn: &pcapflow.Conn{}}
	own, late := views(5000)
	if shift := exchangeShift(own, late, f, f); shift != -2500 {
		t.Errorf("shift %d, want -2500", shift)
	}
	if testing.Short() {
		return
	}
	growth.Linear(t, 20_000, func(n int) func() {
		own, late := views(n)
		return func() { exchangeShift(own, late, f, f) }
	})
}
