package report

import (
	"cmp"
	"slices"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// FlowRow is one flow, or neighbour resolution, in a table for people.
type FlowRow struct {
	Evidence, Transport, Service, Client, Server, State string
	Stream                                              int // -1: it is no flow
	Frame                                               int
	Start                                               Instant
	Duration                                            Seconds
	Packets, Bytes                                      int64
	Phases                                              []FlowPhase
}

// FlowPhase is a phase's name and length.
type FlowPhase struct {
	Name    string
	Seconds Seconds
	Seen    bool // from begin to end
	Outcome string
}

// RowOf takes from a flow what a table shows.
func RowOf(evidence string, f *pcapflow.Flow) FlowRow {
	r := FlowRow{
		Evidence: evidence, Transport: f.Transport.String(), Service: f.Service, Client: endpoint(f.Client), Server: endpoint(f.Server),
		Stream: f.Stream, Frame: f.Start.Frame, Start: Instant(f.Start.Time), Duration: Seconds(f.End.Time - f.Start.Time),
		Packets: f.Packets[0] + f.Packets[1], Bytes: f.Bytes[0] + f.Bytes[1],
	}
	if f.Conn != nil {
		r.State = f.Conn.State
	}
	for _, p := range f.Phases {
		r.add(p)
	}
	return r
}

func (r *FlowRow) add(p pcapflow.Phase) {
	row := FlowPhase{Name: string(p.Name), Outcome: p.Outcome.String(), Seen: p.Begin.Seen() && p.End.Seen()}
	if row.Seen {
		row.Seconds = Seconds(p.End.Time - p.Begin.Time)
	}
	r.Phases = append(r.Phases, row)
}

// SortRows puts rows in the order the flows began, file by file.
func SortRows(rows []FlowRow) {
	slices.SortStableFunc(rows, func(a, b FlowRow) int {
		return cmp.Or(cmp.Compare(a.Evidence, b.Evidence), cmp.Compare(a.Frame, b.Frame), cmp.Compare(a.Stream, b.Stream))
	})
}
