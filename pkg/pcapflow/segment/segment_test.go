package segment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// captures of all that the engine follows, of link layers and of oddities.
var captures = []string{
	"incidents/s13_tls_failures/input/web.pcap",
	"captures/zeek/testing/btest/Traces/http/pipelined-requests.pcap",
	"captures/zeek/testing/btest/Traces/http/connect-with-smtp.pcap",
	"captures/zeek/testing/btest/Traces/tcp/ssh-dups.pcap",
	"captures/zeek/testing/btest/Traces/ssh/ssh_kex_dh_group18.pcap",
	"captures/zeek/testing/btest/Traces/ntp/ntp.pcap",
	"captures/zeek/testing/btest/Traces/tls/imap-starttls.pcap",
	"captures/zeek/testing/btest/Traces/quic/quicv2-http3-443.pcap",
	"captures/arkime/tests/pcap/http2-nghttp2.pcap",
	"captures/arkime/tests/pcap/dns-wiresharkrepo.pcap",
	"captures/practical-packet-analysis/dns_axfr.pcapng",
}

// cut writes the packets of a capture into files of the sizes that n gives.
func cut(t *testing.T, whole []byte, n func() int) [][]byte {
	t.Helper()
	r, err := capture.NewReader(bytes.NewReader(whole), capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var files [][]byte
	var p capture.Packet
	for next := r.Next(&p); next == nil; {
		var b bytes.Buffer
		w := capture.NewWriter(&b, capture.Merged(r.Interfaces()))
		for left := max(1, n()); left > 0 && next == nil; left-- {
			if err := w.Packet(&p, r.Interfaces(), ""); err != nil {
				t.Fatal(err)
			}
			next = r.Next(&p)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		files = append(files, b.Bytes())
	}
	return files
}

// flows of a segment, in words, as they are kept and as they are handed out.
func flows(t *testing.T, s Segment) string {
	t.Helper()
	var out strings.Builder
	enc := json.NewEncoder(&out)
	tell := func(f *pcapflow.Flow) {
		if err := enc.Encode(f); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Finish(s, pcapflow.Options{Frames: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Flows {
		tell(f)
	}
	if _, err := Finish(s, pcapflow.Options{Marks: true, OnFlow: tell}); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), "[]", "null") // empty rooms may be those of others
}

func read(t *testing.T, f File, b []byte) Segment {
	t.Helper()
	s, err := Read(f, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tree merges segments by a random tree, some of them more than once, and some
// after a way through bytes.
func tree(t *testing.T, rnd *rand.Rand, list []Segment) Segment {
	t.Helper()
	for i := 0; i < len(list)/4; i++ {
		list = append(list, list[rnd.IntN(len(list))])
	}
	for len(list) > 1 {
		i := rnd.IntN(len(list))
		a := list[i]
		list[i] = list[len(list)-1]
		list = list[:len(list)-1]
		i = rnd.IntN(len(list))
		list[i] = Merge(a, list[i])
		if rnd.IntN(4) == 0 {
			b, err := list[i].MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			list[i] = Segment{}
			if err := list[i].UnmarshalBinary(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	return list[0]
}

// TestAnyCut: however a capture is cut into files, in whatever order these are
// read and by whatever tree they are merged, its flows are those of the whole.
func TestAnyCut(t *testing.T) {
	for _, name := range captures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole, err := os.ReadFile(need.Shared(t, name))
			if err != nil {
				t.Fatal(err)
			}
			// Written anew, as the parts are: what a writer cannot say is lost in both.
			whole = cut(t, whole, func() int { return 1 << 30 })[0]
			want := flows(t, read(t, File{Name: "whole"}, whole))
			rnd := rand.New(rand.NewPCG(7, uint64(len(whole))))
			for round, most := range []int{2, 17, 120, 1000} {
				files := cut(t, whole, func() int { return 1 + rnd.IntN(most) })
				if len(files) > 600 {
					continue
				}
				var list []Segment
				for i, b := range files {
					list = append(list, read(t, File{Name: fmt.Sprintf("part%05d", i), Rank: int64(i)}, b))
				}
				rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
				if got := flows(t, tree(t, rnd, list)); got != want {
					t.Fatalf("round %d, %d files:\n%s\nwhole:\n%s", round, len(files), got, want)
				}
			}
		})
	}
}

// TestInOrderOfTime: without a rank the stamps tell the order.
func TestInOrderOfTime(t *testing.T) {
	whole, err := os.ReadFile(need.Shared(t, captures[0]))
	if err != nil {
		t.Fatal(err)
	}
	whole = cut(t, whole, func() int { return 1 << 30 })[0]
	s := Segment{}
	files := cut(t, whole, func() int { return 40 })
	for i := range files {
		s = Merge(read(t, File{Name: fmt.Sprintf("x.pcap%d", len(files)-i)}, files[i]), s)
	}
	if flows(t, s) != flows(t, read(t, File{Name: "whole"}, whole)) {
		t.Error("the flows are others")
	}
}

// TestLaws: merging is associative and commutative, and twice is once.
func TestLaws(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	some := func() Segment {
		s := Segment{}
		for range rnd.IntN(4) {
			s = Merge(s, Segment{[]run{{rank: rnd.Int64N(2), first: rnd.Int64N(3), last: 3, name: string(rune('a' + rnd.IntN(3))), data: "x"}}})
		}
		return s
	}
	text := func(s Segment) string { b, _ := s.MarshalBinary(); return string(b) }
	for range 2000 {
		a, b, c := some(), some(), some()
		if text(Merge(a, b)) != text(Merge(b, a)) || text(Merge(Merge(a, b), c)) != text(Merge(a, Merge(b, c))) || text(Merge(a, a)) != text(a) || text(Merge(a, Segment{})) != text(a) {
			t.Fatalf("%v %v %v", a, b, c)
		}
	}
}

// TestByFile: what is kept between the files of a point read in order, as archives
// are, comes to the same.
func TestByFile(t *testing.T) {
	whole, err := os.ReadFile(need.Shared(t, captures[0]))
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	tell := func(to *[]string) pcapflow.Options {
		return pcapflow.Options{Marks: true, OnFlow: func(f *pcapflow.Flow) {
			b, _ := json.Marshal(f)
			*to = append(*to, strings.ReplaceAll(string(b), "[]", "null"))
		}}
	}
	s, a, state := Segment{}, pcapflow.NewAnalysis(tell(&got)), capture.SetState{}
	for i, b := range cut(t, whole, func() int { return 90 }) {
		s = Merge(s, read(t, File{Rank: int64(i)}, b))
		set := capture.ContinueSet(state, []capture.File{{Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}}, capture.Options{})
		if err := a.Take(set); err != nil {
			t.Fatal(err)
		}
		state = set.State()
		kept, err := a.Keep(nil)
		if err != nil {
			t.Fatal(err)
		}
		if a, _, err = pcapflow.Resume(kept, tell(&got)); err != nil {
			t.Fatal(err)
		}
	}
	a.End()
	if _, err := Finish(s, tell(&want)); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d flows\n%s\nwant %d\n%s", len(got), got, len(want), want)
	}
}

func TestDamaged(t *testing.T) {
	s := read(t, File{Name: "n", Rank: -3}, []byte("no capture"))
	b, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back Segment
	for i := range b {
		if back.UnmarshalBinary(b[:i]) == nil {
			t.Errorf("%d of %d bytes are a segment", i, len(b))
		}
	}
	if err := back.UnmarshalBinary(b); err != nil || back.Files()[0] != (File{"n", -3}) {
		t.Error(err, back.Files())
	}
	r, err := Finish(back, pcapflow.Options{})
	if err != nil || len(r.Problems) != 1 {
		t.Errorf("%v %+v", err, r.Problems)
	}
}
