package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestComparisonPage: what docs/comparison.md shows of Wireshark and of logs is
// what tshark prints on the samples, and what stands in them.
func TestComparisonPage(t *testing.T) {
	tshark := need.Program(t, "tshark")
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	spaces := regexp.MustCompile(`\s+`)
	var printed strings.Builder
	for _, command := range []string{
		"slow-application/input/client.pcap -q -z expert",
		"three-clocks/input/client.pcap -Y dns -T fields -e frame.number -e dns.time -e dns.retransmission",
		"tcp-loss/input/client.pcap -T fields -e frame.number -e frame.time_relative -e tcp.flags.str -e tcp.analysis.retransmission -e tcp.analysis.initial_rtt",
		"dns-loss/input/c2.pcap -q -z dns,tree",
	} {
		args := strings.Fields(command)
		out, err := exec.Command(tshark, append([]string{"-r", filepath.Join(root, "samples", filepath.FromSlash(args[0]))}, args[1:]...)...).Output()
		if err != nil {
			t.Fatalf("tshark %s: %v", command, err)
		}
		for line := range strings.Lines(string(out)) {
			line = strings.ReplaceAll(line, "·", "") // of flags that are not set
			printed.WriteString(spaces.ReplaceAllString(" "+line, " ") + "\n")
		}
	}
	printed.Write(readFile(t, filepath.Join(root, "samples", "slow-application", "input", "web", "access.log")))
	all := printed.String()
	nanoseconds := regexp.MustCompile(`(\.\d{6})000\b`)
	micro := nanoseconds.ReplaceAllString(all, "$1")
	page := string(readFile(t, filepath.Join(root, "docs", "comparison.md")))
	checked := 0
	for _, block := range regexp.MustCompile("(?s)```text\n(.*?)```").FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(spaces.ReplaceAllString(line, " "))
			if line == "" || strings.HasPrefix(line, "frame ") {
				continue // a heading of ours
			}
			checked++
			if !strings.Contains(all, line) && !strings.Contains(micro, line) && !strings.Contains(micro, strings.ReplaceAll(line, "A P", "AP")) && !strings.Contains(micro, strings.ReplaceAll(line, "A S", "AS")) {
				t.Errorf("docs/comparison.md: not printed: %q", line)
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d lines were checked", checked)
	}
}
