package pcapflow

import (
	"strconv"
	"strings"
	"testing"
)

// TestLLMNRAsResolved: questions by LLMNR over both versions of IP, and over TCP to the
// address itself, as systemd-resolved had them answered.
func TestLLMNRAsResolved(t *testing.T) {
	asked := map[string]*Transaction{} // by name and type
	over := map[string]Transport{}
	for _, f := range recorded(t, "llmnr.pcap", "").Flows {
		for i := range f.DNS {
			if x := &f.DNS[i]; x.Query.Seen() {
				asked[x.Name+" "+x.Type], over[x.Name+" "+x.Type] = x, f.Transport
				if !x.Multicast {
					t.Errorf("%s %s is plain DNS", x.Name, x.Type)
				}
			}
		}
	}
	if x := asked["west ANY"]; x == nil || x.Answer.Seen() || len(x.Repeats) != 2 { // whether the name is free
		t.Errorf("%+v", x)
	}
	if over["2.0.9.10.in-addr.arpa PTR"] != TCP || over["east A"] != UDP {
		t.Errorf("%v", over)
	}
	for _, line := range toldBy(t, "llmnr.txt", `(?m)^(\S+) (\S+) \S+: (.*)$`) {
		x := asked[map[string]string{"there-4": "east A", "there-6": "east AAAA", "absent": "nowhere A", "reverse": "2.0.9.10.in-addr.arpa PTR"}[line[0]]]
		took, _ := strconv.ParseFloat(line[1], 64)
		if x == nil {
			t.Fatal(line)
		}
		if line[0] == "absent" {
			if wait := float64(x.Repeats[1].Time-x.Query.Time) / 1e9; x.Answer.Seen() || len(x.Repeats) != 2 || wait > took {
				t.Errorf("%v: %+v", line, x)
			}
			continue
		}
		address, _, _ := strings.Cut(line[2], "%")
		address, _, _ = strings.Cut(address, " ")
		if line[0] != "reverse" && (len(x.Addresses) != 1 || x.Addresses[0].String() != address) || line[0] == "reverse" && (len(x.Targets) != 1 || x.Targets[0] != address) {
			t.Errorf("%v: %v %v", line, x.Addresses, x.Targets)
		}
		if got := float64(x.Answer.Time-x.Query.Time) / 1e9; got > took || got <= 0 {
			t.Errorf("%v: %.3f s", line, got)
		}
	}
}
