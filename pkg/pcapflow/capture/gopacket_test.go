package capture

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// Values in the table of expected results of gopacket's reader, by their field.
var gopacketField = regexp.MustCompile(`(?m)^\s*(Name|SnapLength|LinkType|PacketsDropped|CaptureLength|InterfaceIndex|Timestamp):\s*(.*),$`)

// gopacketCase is the part of that table about one file, field by field.
func gopacketCase(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(need.Shared(t, "captures", "gopacket", "EXPECTED", "ngread_test.go.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(text), `testName: "`+name+`"`)
	if !ok {
		t.Fatalf("nothing is expected of %s", name)
	}
	part, _, _ = strings.Cut(part, "testName:")
	fields := map[string][]string{}
	for _, m := range gopacketField.FindAllStringSubmatch(part, -1) {
		fields[m[1]] = append(fields[m[1]], strings.TrimPrefix(strings.Trim(m[2], `"`), "layers.LinkType"))
	}
	return fields
}

// unixNano computes "time.Unix(0, 0x4c*1000+1000*1000).UTC()"; false for no time.
func unixNano(t *testing.T, text string) (ns int64, ok bool) {
	t.Helper()
	_, text, ok = strings.Cut(text, "time.Unix(0, ")
	if !ok {
		return 0, false
	}
	text, _, _ = strings.Cut(text, ")")
	for sum := range strings.SplitSeq(text, "+") {
		product := int64(1)
		for factor := range strings.SplitSeq(sum, "*") {
			n, err := strconv.ParseInt(strings.TrimSpace(factor), 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			product *= n
		}
		ns += product
	}
	return ns, true
}

// TestAsGopacketExpects compares interfaces and Ethernet packets with what
// gopacket's own tests expect; it leaves out packets of other link types.
func TestAsGopacketExpects(t *testing.T) {
	for _, name := range []string{"test008", "test202"} {
		want := gopacketCase(t, name)
		f, err := os.Open(need.Shared(t, "captures", "gopacket", "pcapgo", "tests", "le", name+".pcapng"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := NewReader(f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		var times []string
		var p Packet
		for {
			if err = r.Next(&p); err != nil {
				break
			}
			if p.Link != 1 {
				continue
			}
			got["CaptureLength"] = append(got["CaptureLength"], strconv.Itoa(len(p.Data)))
			got["InterfaceIndex"] = append(got["InterfaceIndex"], strconv.Itoa(r.Interfaces()[p.Clock].Index))
			at := "none"
			if p.HasTime {
				at = strconv.FormatInt(p.Time, 10)
			}
			times = append(times, at)
		}
		if err != io.EOF || len(r.Problems()) > 0 {
			t.Errorf("%s: %v %v", name, err, r.Problems())
		}
		for _, x := range r.Interfaces() {
			got["Name"] = append(got["Name"], x.Name)
			got["SnapLength"] = append(got["SnapLength"], strconv.Itoa(x.SnapLen))
			got["LinkType"] = append(got["LinkType"], map[LinkType]string{0: "Null", 1: "Ethernet"}[x.Link])
		}
		var wantTimes []string
		for _, text := range want["Timestamp"] {
			at := "none"
			if ns, ok := unixNano(t, text); ok {
				at = strconv.FormatInt(ns, 10)
			}
			wantTimes = append(wantTimes, at)
		}
		for _, key := range []string{"Name", "SnapLength", "CaptureLength", "InterfaceIndex"} {
			if !slices.Equal(got[key], want[key]) {
				t.Errorf("%s: %s %q, gopacket %q", name, key, got[key], want[key])
			}
		}
		if !slices.Equal(times, wantTimes) {
			t.Errorf("%s: times %q, gopacket %q", name, times, wantTimes)
		}
		if types := want["LinkType"]; !slices.Equal(got["LinkType"], types) {
			t.Errorf("%s: link types %q, gopacket %q", name, got["LinkType"], types)
		}
	}
}
