package pcapflow

// marker chooses the packets of a flow that are remembered as Marks.
type marker struct {
	list []Mark
}

func (m *marker) packet(f *flow, h *header, d Dir) {}
