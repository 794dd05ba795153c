package pcapflow

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestServicesAsPrograms: the refusals of a web server as curl says them, operations
// and transfers of a name server as dig does, and the modes of NTP.
func TestServicesAsPrograms(t *testing.T) {
	r := recorded(t, "services.pcap", "")
	b, err := os.ReadFile("testdata/recorded/services.txt")
	if err != nil {
		t.Fatal(err)
	}
	asked, dug := map[string]*Exchange{}, map[string]*Transaction{}
	modes := map[uint8]int{}
	refused, waiting := 0, 0
	for _, f := range r.Flows {
		for i := range f.HTTP {
			asked[strconv.Itoa(int(f.Client.Port()))] = &f.HTTP[i]
		}
		for i := range f.DNS {
			x := &f.DNS[i]
			dug[strconv.Itoa(int(x.ID))] = x
			dug[x.Name+" "+strings.ToLower(x.Type)] = x
		}
		for i := range f.NTP {
			x := &f.NTP[i]
			modes[max(x.Request.Mode, x.Response.Mode)]++
			if f.Server.Addr().String() == "10.9.2.10" {
				waiting++
				if x.Refused.Seen() && f.Phases[i].Outcome == Refused && f.Phases[i].End == x.Refused {
					refused++
				}
			}
		}
	}
	for line := range strings.Lines(string(b)) {
		switch v := strings.Fields(line); {
		case len(v) >= 4 && asked[v[len(v)-1]] != nil:
			x := asked[v[len(v)-1]]
			if x.Method != v[0] || x.Path != v[1] || strconv.Itoa(x.Status) != v[len(v)-2] || x.Truncated || x.Malformed || x.Method == "HEAD" && x.BodyBytes != 0 {
				t.Errorf("curl says %q, read %+v", line, x)
			}
			delete(asked, v[len(v)-1])
		case len(v) > 0 && v[0] == "dig" && strings.Contains(line, "status:"):
			_, status, _ := strings.Cut(line, "status: ")
			status, id, _ := strings.Cut(status, ", id: ")
			opcode := map[string]uint8{"QUERY": 0, "STATUS": 2, "UPDATE": 5}
			if x := dug[strings.TrimSpace(id)]; x == nil || x.RCode != status || !strings.Contains(line, "opcode: ") || opcode[strings.TrimSuffix(v[6], ",")] != x.Opcode {
				t.Errorf("dig says %q, read %+v", line, x)
			}
		case len(v) > 0 && v[0] == "dig":
			kind, _, _ := strings.Cut(v[2], "=")
			x := dug[v[1]+" "+kind]
			if failed := strings.Contains(line, "failed"); x == nil || (x.RCode == "REFUSED") != failed || !failed && !strings.Contains(line, strconv.Itoa(x.Records)+" records (messages 1, bytes "+strconv.Itoa(x.Bytes[1])) {
				t.Errorf("dig says %q, read %+v", line, x)
			}
		}
	}
	if len(asked) > 0 {
		t.Errorf("%d requests that curl does not name: %v", len(asked), asked)
	}
	if modes[ntpActive] < 5 || modes[ntpBroadcast] < 5 || modes[ntpServer] < 10 {
		t.Errorf("modes %v", modes)
	}
	if refused < 10 || refused != waiting {
		t.Errorf("%d of %d requests to a closed port are refused", refused, waiting)
	}
}
