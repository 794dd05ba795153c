package archive

import "github.com/flowcorr/flowcorr/pkg/pcapflow"

func headOf(f *pcapflow.Flow) recordHead {
	h := recordHead{end: f.End.Time, client: f.Client.Addr().As16(), server: f.Server.Addr().As16(), same: sameness(f)}
	h.frames = [2]int64{int64(f.Start.Frame), int64(f.Start.Frame)}
	h.from, h.to = f.Start.Time, f.Start.Time
	beginnings(f, func(s pcapflow.Stamp) {
		h.from, h.to = min(h.from, s.Time), max(h.to, s.Time)
		h.frames[1] = max(h.frames[1], int64(s.Frame))
	})
	return h
}

// sameness names a flow by what address translation and another clock leave as
// it is.
func sameness(f *pcapflow.Flow) uint64 {
	const m = 0x9e3779b97f4a7c15
	switch {
	case f.Conn != nil && f.Conn.ISN != [2]uint32{}:
		return (uint64(f.Conn.ISN[0])<<32|uint64(f.Conn.ISN[1]))*m | 1
	case len(f.Marks) > 0:
		x := &f.Marks[0]
		return (uint64(x.Seq)<<32|uint64(x.Sum))*m ^ uint64(x.Len) | 1
	}
	return 0
}

// beginnings calls use with each instant at which a journey on f may begin.
func beginnings(f *pcapflow.Flow, use func(pcapflow.Stamp)) {
	use(f.Start)
	for i := range f.HTTP {
		if s := f.HTTP[i].RequestFirst; i > 0 && s.Seen() {
			use(s)
		}
	}
	for i := range f.DNS {
		if s := f.DNS[i].Query; i > 0 && s.Seen() {
			use(s)
		}
	}
	for i := range f.NTP {
		if s := f.NTP[i].Request.Stamp; i > 0 && s.Seen() {
			use(s)
		}
	}
}

// addFlow writes a flow that has ended, and tells its sameness.
func addFlow(w *recordWriter, f *pcapflow.Flow) uint64 {
	h := headOf(f)
	w.add(&h, func(b []byte) ([]byte, error) { return pcapflow.AppendFlow(b, f) })
	return h.same
}

// flowOf reads the flow of a record.
func flowOf(r *record) (*pcapflow.Flow, error) { return pcapflow.FlowOf(r.body) }
