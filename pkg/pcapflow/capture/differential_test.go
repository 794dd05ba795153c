package capture

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/pcapgo"

	"github.com/flowcorr/flowcorr/internal/need"
)

// thirdParty lists the captures of the shared index, by their path in it.
func thirdParty(t *testing.T) (dir string, names []string) {
	t.Helper()
	dir = need.Shared(t, "captures")
	index, err := os.ReadFile(filepath.Join(dir, "INDEX.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(index), "\n")[1:] {
		if f := strings.Split(line, "\t"); len(f) > 4 {
			names = append(names, f[1])
		}
	}
	if len(names) < 100 {
		t.Fatalf("%d captures in the index", len(names))
	}
	return dir, names
}

// unpacked reads a file that may be a gzip file.
func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil && strings.HasSuffix(path, ".gz") {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			b, err = io.ReadAll(z)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Differences from capinfos, each with the reason why ours is right.
var unlikeCapinfos = map[string]string{
	"tcpdump/tests/timestamp_invalid_micro.pcap":                       "a fraction of 2147483648 µs: capinfos prints it behind the point; it is 2147 s",
	"tcpdump/tests/timestamp_invalid_nano.pcap":                        "a fraction of 2147483648 ns: capinfos reads it as negative",
	"pcapplusplus/Tests/Pcap++Test/PcapExamples/pcapng-example.pcapng": "stamps in the year 586524: we call them unknown",
	"gopacket/pcapgo/tests/le/test202.pcapng":                          "packets without a time: capinfos gives up the span of the others",
	"tcpdump/tests/dsa.pcap":                                           "capinfos does not know the link type",
}

// Packets, first and last stamp are those that capinfos tells.
func TestAgainstCapinfos(t *testing.T) {
	dir, names := thirdParty(t)
	cmd := exec.Command(need.Program(t, "capinfos"), append(strings.Fields("-T -M -r -c -a -e -S"), names...)...)
	cmd.Dir = dir
	out, _ := cmd.Output() // its status tells of files it does not like
	rows := map[string][]string{}
	for _, line := range strings.Split(string(out), "\n") {
		if f := strings.Split(line, "\t"); len(f) == 4 {
			rows[f[0]] = f[1:]
		}
	}
	for _, name := range names {
		b := unpacked(t, filepath.Join(dir, name))
		set := NewSet(memory(b), Options{})
		drain(t, set)
		part := set.Parts()[0]
		ours := fmt.Sprintf("%d, %d to %d", part.Packets, part.First, part.Last)
		if !part.Timed {
			ours = fmt.Sprintf("%d, n/a to n/a", part.Packets)
		}
		theirs := "nothing"
		if f := rows[name]; f != nil {
			theirs = fmt.Sprintf("%s, %s to %s", f[0], nanoseconds(f[1]), nanoseconds(f[2]))
		}
		_, known := unlikeCapinfos[name]
		if (ours == theirs) == known {
			t.Errorf("%s: %s, capinfos %s; listed as a difference: %v", name, ours, theirs, known)
		}
	}
}

// nanoseconds reads seconds with a fraction, exactly.
func nanoseconds(s string) string {
	sec, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(sec+(frac + "000000000")[:9], 10, 64)
	if err != nil {
		return s
	}
	return fmt.Sprint(n)
}

// Differences from gopacket's readers, each with the reason why ours is right.
var unlikeGopacket = map[string]string{
	"tcpdump/tests/timestamp_invalid_micro.pcap":                       "gopacket cuts the fraction",
	"gopacket/pcapgo/tests/le/test202.pcapng":                          "Simple Packet Blocks have no time: gopacket gives them the year 1",
	"pcapplusplus/Tests/Pcap++Test/PcapExamples/pcapng-example.pcapng": "stamps in the year 586524 overflow in gopacket",
	"ndpi/tests/cfgs/default/pcap/nfsv2.pcap":                          "version 2.1, whose lengths stand the other way round: gopacket refuses it",
	"suricata-verify/tests/http-mime-truncated/input.pcap":             "the last byte is no record: gopacket's error, our problem",
	"suricata-verify/tests/pgsql/pgsql-5000-query-results/input.pcap":  "the last byte is no record: gopacket's error, our problem",
}

// Every packet has the time, length and bytes that gopacket's readers give.
func TestAgainstGopacket(t *testing.T) {
	dir, names := thirdParty(t)
	for _, name := range names {
		b := unpacked(t, filepath.Join(dir, name))
		why := compareWithGopacket(b)
		if _, known := unlikeGopacket[name]; (why == "") == known {
			t.Errorf("%s: %s; listed as a difference: %v", name, why, known)
		}
	}
}

func compareWithGopacket(b []byte) string {
	c, err := NewReader(bytes.NewReader(b), Options{})
	if err != nil {
		return err.Error()
	}
	var next func() ([]byte, gopacket.CaptureInfo, error)
	if c.Kind() == PCAPNG {
		r, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			return err.Error()
		}
		next = r.ReadPacketData
	} else {
		r, err := pcapgo.NewReader(bytes.NewReader(b))
		if err != nil {
			return err.Error()
		}
		next = r.ReadPacketData
	}
	var p Packet
	for {
		ended := c.Next(&p) != nil
		data, info, err := next()
		switch {
		case ended && err != nil:
			if err.Error() != "EOF" {
				return err.Error()
			}
			return ""
		case ended || err != nil:
			return fmt.Sprintf("ours ended after frame %d: %v; theirs: %v", p.Frame, ended, err)
		case !p.HasTime || p.Time != info.Timestamp.UnixNano():
			return fmt.Sprintf("frame %d: %v, theirs %v", p.Frame, time.Unix(0, p.Time).UTC(), info.Timestamp)
		case p.WireLen != info.Length || !bytes.Equal(p.Data, data):
			return fmt.Sprintf("frame %d: %d of %d bytes, theirs %d of %d", p.Frame, len(p.Data), p.WireLen, len(data), info.Length)
		}
	}
}
