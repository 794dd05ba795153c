package correlate

import (
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// doubtLacking takes from the confidence of each matched line what its capture lacks: of
// requests whose content cannot be read, one that the capture never held is no rival of
// the line, and its neighbour on the connection takes its place. As many requests
// are missing as acknowledged bytes of the clients are. What is matched stays so.
func (m *matcher) doubtLacking() {
	shares := map[*incident.Capture]float64{}
	for i := range m.result {
		r := &m.result[i]
		t := r.target
		if t == nil || r.line.Status != "matched" || r.line.By == "request id" || t.transaction != nil || t.point.Exchange == nil || !t.point.Exchange.Estimated {
			continue
		}
		share, known := shares[t.point.Capture]
		if !known {
			share = lackingShare(t.point.Capture)
			shares[t.point.Capture] = share
		}
		if doubted := max(r.line.Confidence*(1-share), sure); doubted < r.line.Confidence {
			r.line.Confidence = doubted
		}
	}
}

// lackingShare is the share of the clients' acknowledged bytes that a capture of both
// directions never held.
func lackingShare(k *incident.Capture) float64 {
	if OneWay(k) {
		return 0 // matched by what the other direction tells
	}
	var held, unseen float64
	for _, f := range k.Flows {
		if f.Conn != nil {
			held += float64(f.Payload[pcapflow.Client])
			unseen += float64(f.Conn.Count[pcapflow.Client].AckedUnseen)
		}
	}
	return unseen / max(held+unseen, 1)
}
