package report

import "testing"

func moments(name, from, evidence string, at ...Instant) []Moment {
	var out []Moment
	for i, t := range at {
		corrected := t
		m := Moment{Name: name, From: from, Time: t + 5000, Corrected: &corrected, Evidence: evidence, Frame: i + 1}
		if i > 0 {
			m.Name += "-retry"
		}
		out = append(out, m)
	}
	return out
}

func TestPairMoments(t *testing.T) {
	t.Run("a repeated SYN of which the server saw the last", func(t *testing.T) {
		home := moments("tcp.syn", "client", "e1", 0, 1000, 3000)
		rest := pairMoments(home, moments("tcp.syn", "client", "e2", 3010))
		if len(rest) != 0 || len(home[0].Elsewhere)+len(home[1].Elsewhere) != 0 || len(home[2].Elsewhere) != 1 {
			t.Errorf("%+v, left over %+v", home, rest)
		}
	})
	t.Run("an answer that never came", func(t *testing.T) {
		home := moments("tcp.syn-ack", "server", "e1", 1030)
		rest := pairMoments(home, moments("tcp.syn-ack", "server", "e2", 10, 1010))
		if len(rest) != 1 || *rest[0].Corrected != 10 || len(home[0].Elsewhere) != 1 || home[0].Elsewhere[0].Frame != 2 {
			t.Errorf("%+v, left over %+v", home, rest)
		}
	})
	t.Run("as many, with a clock that is not known", func(t *testing.T) {
		home, other := moments("tcp.syn", "client", "e1", 0, 1000), moments("tcp.syn", "client", "e2", 7000, 8000)
		other[0].Corrected, other[1].Corrected = nil, nil
		if rest := pairMoments(home, other); len(rest) != 0 || home[1].Elsewhere[0].Frame != 2 {
			t.Errorf("%+v, left over %+v", home, rest)
		}
	})
	t.Run("fewer, with a clock that is not known", func(t *testing.T) {
		home, other := moments("tcp.syn", "client", "e1", 0, 1000), moments("tcp.syn", "client", "e2", 7000)
		other[0].Corrected = nil
		if rest := pairMoments(home, other); len(rest) != 1 || len(home[0].Elsewhere)+len(home[1].Elsewhere) != 0 {
			t.Errorf("%+v, left over %+v", home, rest)
		}
	})
	t.Run("the other way round", func(t *testing.T) {
		home := moments("tcp.reset", "client", "e1", 0)
		if rest := pairMoments(home, moments("tcp.reset", "server", "e2", 0)); len(rest) != 1 || len(home[0].Elsewhere) != 0 {
			t.Errorf("%+v, left over %+v", home, rest)
		}
	})
}
