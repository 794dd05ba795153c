package pcapflow

// capturePoint gathers where the capture was taken.
type capturePoint struct{}

func (p *capturePoint) learn(f *flow) {}

func (p *capturePoint) end(r *Result) {}

func (p *capturePoint) badSum(h *header) {}
