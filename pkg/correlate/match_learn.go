package correlate

import (
	"math"

	"golang.org/x/net/http2/hpack"
)

// sizes learns from the lines of one log how far the bytes a line states lie
// from the bytes on the wire: heads of answers and of requests have few lengths.
// What is common among likely pairs and rare among all candidates speaks for a
// pair.
type sizes struct {
	number map[sizeKey]int32
	family []int32   // by key: the key that stands for its family
	same   []float64 // weight among likely pairs, by key; of a family: of all its keys
	all    []float64 // weight among candidates
	scores []float64
}

// sizeKey is one difference of one kind: 'a' of answers, 'r' of requests, in
// the class of HTTP version and status or method that decides the head.
type sizeKey struct {
	kind  byte
	class string
	diff  int64
	whole bool // the family itself
}

func newSizes() *sizes {
	return &sizes{number: map[sizeKey]int32{}, family: make([]int32, 1), same: make([]float64, 1), all: make([]float64, 1)}
}

// of numbers a key, from 1; 0 stands for sizes that cannot be compared.
func (s *sizes) of(k sizeKey) int32 {
	if k.kind == 0 {
		return 0
	}
	n, ok := s.number[k]
	if !ok {
		n = int32(len(s.family))
		s.number[k] = n
		s.family, s.same, s.all = append(s.family, n), append(s.same, 0), append(s.all, 0)
		if !k.whole {
			s.family[n] = s.of(sizeKey{kind: k.kind, class: k.class, whole: true})
		}
	}
	return n
}

// ballast is the weight of the candidates' own distribution in what is learnt:
// few pairs teach little.
const ballast = 3

// forget drops what was counted, and keeps the numbers.
func (s *sizes) forget() {
	clear(s.same)
	clear(s.all)
	s.scores = nil
}

// note counts a candidate of probability p; share is one over its line's number
// of candidates.
func (s *sizes) note(keys [2]int32, p, share float64) {
	for _, k := range keys {
		if k == 0 {
			continue
		}
		s.same[k] += p
		s.all[k] += share
		s.same[s.family[k]] += p
		s.all[s.family[k]] += share
	}
}

// learn turns the counts into scores.
func (s *sizes) learn() {
	s.scores = make([]float64, len(s.family))
	for k := range s.family {
		s.scores[k] = s.count(int32(k))
	}
}

// count is the logarithm of how much likelier a difference is among true pairs
// than among candidates, as they were counted.
func (s *sizes) count(k int32) float64 {
	f := s.family[k]
	if k == 0 || f == k || s.all[f] <= 0 {
		return 0
	}
	all := (max(s.all[k], 0) + 0.1) / (s.all[f] + 1)
	same := (max(s.same[k], 0) + ballast*all) / (max(s.same[f], 0) + ballast)
	return min(max(math.Log(same/all), -7), 7)
}

// score of a pair's differences; 0 before anything was learnt. own says that what
// the pair's line taught was taken out, so that it must be counted anew.
func (s *sizes) score(keys [2]int32, own bool) float64 {
	switch {
	case s.scores == nil:
		return 0
	case own:
		return s.count(keys[0]) + s.count(keys[1])
	}
	return s.scores[keys[0]] + s.scores[keys[1]]
}

// keys numbers the differences between a line and an exchange.
func (s *sizes) keys(l *line, t *target) [2]int32 {
	k := sizeKeys(l, t)
	return [2]int32{s.of(k[0]), s.of(k[1])}
}

// sizeKeys are the differences between a line and an exchange; a kind of 0 says
// that they cannot be compared.
func sizeKeys(l *line, t *target) [2]sizeKey {
	var keys [2]sizeKey
	e, x := l.event, t.point.Exchange
	second := majorVersion(x.Version) == "2" || x.Version == "" && majorVersion(e.Proto) == "2"
	said := e.Sent
	if said < 0 {
		said = e.Body
		if said < 0 {
			said = e.Size
		}
	}
	if said >= 0 && x.ResponseBytes >= 0 && !e.WithTLS && !t.open {
		keys[0] = sizeKey{kind: 'a', class: headClass(second, byte('0'+e.Status/100%10)), diff: x.ResponseBytes - said}
	}
	if x.RequestBytes < 0 || e.Method == "" || e.WithTLS {
		return keys
	}
	switch {
	case e.Received >= 0:
		keys[1] = sizeKey{kind: 'r', class: headClass(second, 0), diff: x.RequestBytes - e.Received}
	case second:
		// The fields a connection has seen before are numbers; the path is spelt out.
		place := byte('n')
		if x.Ordinal == 1 {
			place = '1'
		}
		keys[1] = sizeKey{kind: 'r', class: headClass(second, place), diff: x.RequestBytes - int64(hpack.HuffmanEncodeLength(e.Path))}
	default:
		keys[1] = sizeKey{kind: 'r', class: headClass(second, 0), diff: x.RequestBytes - int64(len(e.Method)+len(e.Path)+len(e.Agent))}
	}
	return keys
}

// headClass names what decides the length of a head beside its text.
func headClass(second bool, more byte) string {
	if second {
		return string([]byte{'2', more})
	}
	return string([]byte{'1', more})
}
