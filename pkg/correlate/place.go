package correlate

import "github.com/flowcorr/flowcorr/pkg/pcapflow"

// Place is which request of its connection a journey is, from 1; 0 where the captures
// do not tell: they show no single requests, or not the connection's beginning, or lack
// bytes of its client, which may have been requests, or bytes of encrypted answers, without
// which two requests look like one.
func (j *Journey) Place() int {
	if j.Exchange == nil {
		if j.mayHoldRequests() {
			return 0
		}
		return j.Ordinal
	}
	f := j.Points[0].Flow
	if n := f.Conn; n != nil {
		lacks := n.Count[pcapflow.Client].AckedUnseen > 0 || j.Exchange.Estimated && n.Count[pcapflow.Server].AckedUnseen > 0
		if !sawOpening(f) || lacks {
			return 0
		}
	}
	return j.Ordinal
}

// mayHoldRequests tells of a connection that is told as a whole whether its client sent
// what may have been requests: a capture cut to headers does not even show the protocol.
func (j *Journey) mayHoldRequests() bool {
	switch j.Service {
	case "http", "https", "quic", "tls", "tcp":
		for _, p := range j.Points {
			if p.Flow.Payload[pcapflow.Client] > 0 {
				return true
			}
		}
	}
	return false
}
