package correlate

import (
	"math"
	"math/rand/v2"
	"testing"
)

func anyOrder([]int) float64 { return 1 }

func TestAssignAgreesWithEveryWay(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 200 {
		lines, targets := 1+r.IntN(5), 1+r.IntN(5)
		edges := randomEdges(r, lines, targets)
		want := everyWay(edges, lines, anyOrder)
		assign(edges, lines, targets)
		for i, e := range edges {
			if math.Abs(e.p-want[i]) > 1e-9 {
				t.Fatalf("case %d: edge %d→%d: %v, want %v", n, e.line, e.target, e.p, want[i])
			}
		}
	}
}

// Propagation must come close, and above all not be surer than it may.
func TestPropagationIsClose(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	worst := 0.0
	for range 200 {
		edges := randomEdges(r, 5, 5)
		want := everyWay(edges, 5, anyOrder)
		for _, part := range components(edges, 5, 5) {
			propagate(edges, part)
		}
		for i, e := range edges {
			worst = max(worst, math.Abs(e.p-want[i]))
		}
	}
	if worst > 0.2 {
		t.Errorf("off by up to %v", worst)
	}
	t.Logf("off by up to %v", worst)
}
