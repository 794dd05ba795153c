package pcapflow

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// damage drops, doubles, cuts, swaps and changes packets, the same way for the
// same seed.
func damage(list []capture.Packet, seed uint64) *packets {
	r := rand.New(rand.NewPCG(seed, 1))
	s := &packets{}
	add := func(p capture.Packet) {
		p.Frame = len(s.list) + 1
		s.list = append(s.list, p)
	}
	for _, p := range list {
		if r.IntN(20) == 0 {
			continue
		}
		p.Data = bytes.Clone(p.Data)
		for k := r.IntN(4); k > 0 && len(p.Data) > 0; k-- {
			p.Data[r.IntN(min(len(p.Data), 100))] ^= byte(1 << r.IntN(8))
		}
		if r.IntN(10) == 0 {
			p.Data = p.Data[:r.IntN(len(p.Data)+1)]
		}
		if r.IntN(50) == 0 {
			p.Time += int64(r.IntN(2000)-1000) * second
		}
		add(p)
		if r.IntN(10) == 0 {
			add(p)
		}
		if n := len(s.list); n > 1 && r.IntN(30) == 0 {
			a, b := &s.list[n-2], &s.list[n-1]
			*a, *b = *b, *a
			a.Frame, b.Frame = b.Frame, a.Frame
		}
	}
	return s
}

// ownPackets are the first packets of a capture by our own reader, which reads
// what others refuse; none of a compressed one.
func ownPackets(t *testing.T, path string, most int) (list []capture.Packet) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := capture.NewReader(f, capture.Options{})
	if err != nil {
		return nil
	}
	var p capture.Packet
	for len(list) < most && r.Next(&p) == nil {
		p.Data = bytes.Clone(p.Data)
		list = append(list, p)
	}
	return list
}

// TestDamaged: damaged captures are analysed without a panic, and what is told
// of them lies within them.
func TestDamaged(t *testing.T) {
	for _, x := range sharedIndex(t) {
		list := ownPackets(t, x.path, 500)
		for seed := range uint64(3) {
			s := damage(list, seed)
			r, err := Analyse(s, Options{Turns: true})
			if err != nil {
				t.Fatal(err)
			}
			checkResult(t, r, len(s.list))
		}
	}
}
