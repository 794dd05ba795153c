package pcapflow

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"encoding/json"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// scan is a source of SYNs from ever other ports and addresses.
type scan struct {
	n, at int
	every time.Duration
	w     wire
}

func (s *scan) Next(p *capture.Packet) error {
	if s.at == s.n {
		return io.EOF
	}
	s.w.list = s.w.list[:0]
	s.w.tcp(s.every, Client, flagSYN, 0, 0, "")
	b := s.w.list[0].Data
	b[28], b[29] = byte(s.at>>16), byte(s.at>>8)
	b[34], b[35] = byte(s.at>>8)|0x80, byte(s.at)
	*p = s.w.list[0]
	s.at++
	p.Frame = s.at
	return nil
}

// TestScan: SYNs without an end take bounded memory and linear time.
func TestScan(t *testing.T) {
	const n, open = 300_000, 4096
	s := &scan{n: n, every: 10 * time.Microsecond}
	ended := 0
	e := newEngine(s, Options{MaxOpen: open, OnFlow: func(f *Flow) {
		ended++
		if f.Packets != [2]int64{1, 0} || f.Conn.State != "S0" || f.Phases[0].Name != TCPConnect {
			t.Fatalf("%+v", f)
		}
	}})
	most, waiting := 0, 0
	for s.Next(&e.at.packets[0]) == nil {
		e.batch(1)
		most = max(most, e.table.n)
		if s.at%10_000 == 0 {
			sum := 0
			for _, r := range e.wheel.slots {
				for b := r.first; b != 0; b = e.wheel.block(b).next {
					sum += int(e.wheel.block(b).n)
				}
			}
			waiting = max(waiting, sum)
		}
	}
	e.end()
	if ended != n || most > open || waiting > 2*open || len(e.table.free) > 2*open {
		t.Errorf("%d ended, %d open, %d waiting, %d free", ended, most, waiting, len(e.table.free))
	}
}

// TestIdle: flows end after their silence by packet time, and a stamp that leaps
// ahead and back ends nothing.
func TestIdle(t *testing.T) {
	run := func(play func(w *wire)) (ends []int) {
		w := &wire{}
		play(w)
		frame := 0
		e := newEngine(&packets{}, Options{OnFlow: func(*Flow) { ends = append(ends, frame) }})
		for i := range w.list {
			frame = i + 1
			e.at.packets[0] = w.list[i]
			e.batch(1)
		}
		frame = 0
		e.end()
		return ends
	}
	tick := func(w *wire, d time.Duration, n int) { // another connection goes on
		w.port = 50000
		for range n {
			w.tcp(d, Client, flagACK, 1, 1, "")
		}
		w.port = 0
	}
	if got := run(func(w *wire) {
		w.open()
		w.tcp(ms, Client, flagACK|flagFIN, 1, 1, "")
		w.tcp(ms, Server, flagACK|flagFIN, 1, 2, "")
		tick(w, time.Second, 10)
	}); len(got) != 2 || got[0] < 10 || got[0] > 12 {
		t.Errorf("closed: ended at frames %v", got)
	}
	if got := run(func(w *wire) {
		w.open()
		tick(w, 10*time.Second, 20)
	}); !slices.Equal(got, []int{0, 0}) {
		t.Errorf("open for 200 s: ended at frames %v", got)
	}
	if got := run(func(w *wire) {
		w.open()
		tick(w, 10*time.Minute, 8)
	}); len(got) != 2 || got[0] == 0 {
		t.Errorf("silent for 80 minutes: ended at frames %v", got)
	}
	if got := run(func(w *wire) {
		w.open()
		for range 3 {
			w.now += int64(20 * 365 * 24 * time.Hour)
			tick(w, 0, 1)
			w.now -= int64(20 * 365 * 24 * time.Hour)
			tick(w, time.Second, 10)
		}
	}); !slices.Equal(got, []int{0, 0}) {
		t.Errorf("absurd stamps: ended at frames %v", got)
	}
}

// TestOneFlowOfTwoWrappings: the answers travel in another VLAN than the questions.
func TestOneFlowOfTwoWrappings(t *testing.T) {
	w := &wire{}
	w.open()
	w.tcp(ms, Client, flagACK, 1, 1, "GET")
	w.tcp(20*ms, Server, flagACK, 1, 4, "OK")
	for i := range w.list {
		id := byte(10)
		if w.list[i].Data[11] == 2 {
			id = 20
		}
		w.list[i].Data = vlan(w.list[i].Data, id)
		w.list[i].WireLen += 4
	}
	f := w.only(t)
	if f.Packets != [2]int64{3, 2} || f.Encapsulation != "vlan:10" || f.Conn.RTT == 0 {
		t.Errorf("%+v", f)
	}
	// Equal endpoints in two VLANs that both hold both directions are two flows.
	a, b := &wire{}, &wire{}
	a.open()
	b.open()
	list := &packets{}
	for i := range a.list {
		for k, p := range []capture.Packet{a.list[i], b.list[i]} {
			p.Data = vlan(p.Data, byte(10+k))
			if k == 1 {
				p.Data[4+14+24] ^= 0x40 // another sequence number
			}
			p.WireLen += 4
			p.Frame = len(list.list) + 1
			p.Time += int64(k) * 5e6
			list.list = append(list.list, p)
		}
	}
	r, _ := Analyse(list, Options{})
	if len(r.Flows) != 2 || r.Flows[0].Packets[0] != 2 || r.Flows[1].Packets[0] != 2 {
		t.Errorf("%+v", r.Flows)
	}
}

// TestDeterministic: the same packets give the same bytes.
func TestDeterministic(t *testing.T) {
	path := need.Shared(t, "incidents/s04_loss/input/cliente.pcap")
	var first string
	for i := range 3 {
		r, err := Analyse(readPackets(t, path), Options{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = string(b)
		} else if string(b) != first {
			t.Fatal("two runs differ")
		}
	}
}

// TestMarks: two captures of the same connections choose the same packets.
func TestMarks(t *testing.T) {
	a := analyseFile(t, Options{}, "incidents/s14_two_points/input/punto_a_cliente.pcap")
	b := analyseFile(t, Options{}, "incidents/s14_two_points/input/punto_b_servidor.pcap")
	type key struct {
		isn [2]uint32
		Mark
	}
	seen := map[key]bool{}
	flows := map[[2]uint32]bool{}
	each := func(r *Result, do func(k key)) {
		for _, f := range r.Flows {
			if f.Conn == nil || len(f.Conn.SYN) == 0 || len(f.Conn.SYNACK) == 0 {
				continue
			}
			if len(f.Conn.Marks) > maxMarks {
				t.Errorf("%d marks", len(f.Conn.Marks))
			}
			for _, m := range f.Conn.Marks {
				m.Stamp, m.TTL = Stamp{}, 0
				do(key{f.Conn.ISN, m})
			}
		}
	}
	each(a, func(k key) { seen[k], flows[k.isn] = true, true })
	both, only := 0, 0
	each(b, func(k key) {
		switch {
		case seen[k]:
			both++
		case flows[k.isn]:
			only++
		}
	})
	if both < 500 || both < 9*only {
		t.Errorf("%d marks in both captures, %d in the second only", both, only)
	}
}

// TestVantage: where each capture of the incidents was taken, by their truth. A
// capture on a router is never taken for one on a host whose packets it has
// seen routed; one on the client's side of the first router can be.
func TestVantage(t *testing.T) {
	root := need.Shared(t, "incidents")
	dirs, err := filepath.Glob(filepath.Join(root, "s*"))
	if err != nil {
		t.Fatal(err)
	}
	right, wrong := 0, []string{}
	for _, dir := range dirs {
		var truth struct {
			Hosts    map[string]struct{ IP, IP6 string }
			Captures []struct {
				Host  string
				Files []string
			}
		}
		b, err := os.ReadFile(filepath.Join(dir, "truth.json"))
		if err != nil || json.Unmarshal(b, &truth) != nil {
			t.Fatal(dir, err)
		}
		for _, c := range truth.Captures {
			for _, file := range c.Files {
				r, err := Analyse(readPackets(t, filepath.Join(dir, file)), Options{})
				if err != nil {
					t.Fatal(err)
				}
				host := truth.Hosts[c.Host]
				ok := true
				for _, a := range r.Own {
					ok = ok && (a == parseAddr(host.IP) || a == parseAddr(host.IP6) || a.IsLinkLocalUnicast())
				}
				switch {
				case !ok:
					wrong = append(wrong, filepath.Base(dir)+"/"+filepath.Base(file))
				case len(r.Own) > 0:
					right++
				}
			}
		}
	}
	// The second point of this incident is the client's own router, on the
	// client's side: VantageTurn tells the two apart.
	if right < 35 || strings.Join(wrong, " ") != "s14_two_points/punto_m_router.pcap" {
		t.Errorf("%d right, wrong: %v", right, wrong)
	}
}

func parseAddr(s string) netip.Addr {
	a, _ := netip.ParseAddr(s)
	return a
}

// TestNoAllocation: packets of open connections cost no memory, and opening and
// ending a connection little.
func TestNoAllocation(t *testing.T) {
	before := dissectors
	defer func() { dissectors = before }()
	dissectors = nil
	w := &wire{}
	const connections, rounds = 50, 400
	for i := range connections {
		w.port = uint16(41000 + i)
		w.open()
	}
	opened := len(w.list)
	for r := range uint32(rounds) {
		for i := range connections {
			w.port = uint16(41000 + i)
			w.tcp(0, Client, flagACK, 1+3*r, 1+6*r, "ask")
			w.tcp(0, Server, flagACK, 1+6*r, 4+3*r, "answer")
		}
	}
	s := &traffic{list: w.list}
	e := newEngine(s, Options{OnFlow: func(*Flow) {}})
	feed := func(n int) {
		for end := s.at + n; s.at < end; {
			m, _ := e.fill(s, s)
			e.batch(m)
		}
	}
	feed(opened + 5000)
	if per := testing.AllocsPerRun(5, func() { feed(4000) }); per != 0 {
		t.Errorf("%v allocations in 4000 packets", per)
	}

	s = mixed(110_000, 50)
	e = newEngine(s, Options{OnFlow: func(*Flow) {}})
	feed(80_000)                                                                // so that ended connections are used again
	if per := testing.AllocsPerRun(5, func() { feed(4200) }) / 100; per > 0.3 { // 42 packets each
		t.Errorf("%.1f allocations a connection", per)
	}
}
