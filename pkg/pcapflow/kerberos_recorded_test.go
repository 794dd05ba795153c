package pcapflow

import "testing"

// TestKerberosRecorded: whatever the client's clock shows, an error of the KDC tells of
// the KDC's, which is the capture's here: within its second, for the microseconds that
// this KDC writes are counted up and not read.
func TestKerberosRecorded(t *testing.T) {
	told := map[Transport]int{}
	for _, f := range recorded(t, "kerberos.pcap", "").Flows {
		if f.Service != "kerberos" {
			t.Errorf("%v is %q", f.Client, f.Service)
		}
		for _, r := range f.Readings {
			told[f.Transport]++
			if r.From != Server || r.Time > r.Before.Time || r.Time+r.Width <= r.After.Time || r.Before.Time-r.After.Time > second/2 {
				t.Errorf("%v: %+v", f.Client, r)
			}
		}
	}
	if told[UDP] != 11 || told[TCP] != 11 { // of tshark's 22 messages of type 30
		t.Errorf("%v errors", told)
	}
	toldBy(t, "kerberos.txt", `(Clock skew too great)`)
}
