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
	same, all       map[sizeKey]float64
	sumSame, sumAll map[sizeKey]float64 // by kind and class alone
}

// sizeKey is one difference of one kind: 'a' of answers, 'r' of requests, in
// the class of HTTP version and status or method that decides the head.
type sizeKey struct {
	kind  byte
	class string
	diff  int64
}

func newSizes() *sizes {
	return &sizes{same: map[sizeKey]float64{}, all: map[sizeKey]float64{}, sumSame: map[sizeKey]float64{}, sumAll: map[sizeKey]float64{}}
}

// ballast is the weight of the candidates' own distribution in what is learnt:
// few pairs teach little.
const ballast = 3

// note counts a candidate of probability p; share is one over its line's number
// of candidates.
func (s *sizes) note(keys [2]sizeKey, p, share float64) {
	for _, k := range keys {
		if k.kind == 0 {
			continue
		}
		s.same[k] += p
		s.sumSame[k.family()] += p
		s.all[k] += share
		s.sumAll[k.family()] += share
	}
}

// score is the logarithm of how much likelier these differences are among true
// pairs than among candidates.
func (s *sizes) score(keys [2]sizeKey) float64 {
	total := 0.0
	for _, k := range keys {
		if k.kind == 0 || s.sumAll[k.family()] == 0 {
			continue
		}
		all := (s.all[k] + 0.1) / (s.sumAll[k.family()] + 1)
		same := (s.same[k] + ballast*all) / (s.sumSame[k.family()] + ballast)
		total += min(max(math.Log(same/all), -7), 7)
	}
	return total
}

// family is what differences are compared within.
func (k sizeKey) family() sizeKey { return sizeKey{kind: k.kind, class: k.class} }

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
		keys[0] = sizeKey{'a', headClass(second, byte('0'+e.Status/100%10)), x.ResponseBytes - said}
	}
	if x.RequestBytes < 0 || e.Method == "" || e.WithTLS {
		return keys
	}
	switch {
	case e.Received >= 0:
		keys[1] = sizeKey{'r', headClass(second, 0), x.RequestBytes - e.Received}
	case second:
		// The fields a connection has seen before are numbers; the path is spelt out.
		place := byte('n')
		if x.Ordinal == 1 {
			place = '1'
		}
		keys[1] = sizeKey{'r', headClass(second, place), x.RequestBytes - int64(hpack.HuffmanEncodeLength(e.Path))}
	default:
		keys[1] = sizeKey{'r', headClass(second, 0), x.RequestBytes - int64(len(e.Method)+len(e.Path)+len(e.Agent))}
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
