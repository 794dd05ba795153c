package pcapflow

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// offered writes what one side offers as the tests compare it.
func offered(mss, scale int, sack bool, tsval uint32, ts bool, flags uint64, fastOpen, multipath string) string {
	return fmt.Sprintf("mss %d scale %d sack %t stamp %t %d ecn %03b fast open %q multipath %q", mss, scale, sack, ts, tsval, flags, fastOpen, multipath)
}

// offeredOf is what c tells of side d.
func offeredOf(c *Conn, d Dir) string {
	o := c.Offers[d]
	flags := uint64(0)
	for i, bit := range []Offers{offersECE, offersCWR, offersAE} {
		if o.Has(bit) {
			flags |= 1 << i
		}
	}
	return offered(c.MSS[d], c.Scale[d], o.Has(OffersSACK), c.TSVal[d], o.Has(OffersTimestamps), flags, o.FastOpen(), o.Multipath())
}

// offerFields are the fields that tshark tells a SYN's options in.
var offerFields = []string{"tcp.flags", "tcp.options.mss_val", "tcp.options.wscale.shift", "tcp.option_kind", "tcp.options.timestamp.tsval",
	"tcp.options.tfo.cookie", "tcp.options.mptcp.subtype", "tcp.options.mptcp.version", "tcp.hdr_len", "tcp.options.experimental.exid"}

// offered keeps the options of the first SYN and of the first SYN-ACK of a stream.
func (w *seenByTshark) offered(stream string, v []string) {
	flags, _ := strconv.ParseUint(v[0], 0, 16)
	if flags&(flagSYN|flagRST) != flagSYN {
		return
	}
	key := stream + " client"
	if flags&flagACK != 0 {
		key = stream + " server"
	}
	if w.offers[key] != "" {
		return
	}
	number := func(s string, without int) int {
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
		return without
	}
	kinds := "," + v[3] + ","
	stamp, _ := strconv.ParseUint(v[4], 10, 32)
	fast := ""
	if strings.Contains(kinds, ",34,") || v[9] == "0xf989" {
		fast = "request"
		if v[5] != "" {
			fast = "cookie"
		}
	}
	multipath := map[string]string{"0": "capable-v" + v[7], "1": "join"}[v[6]]
	w.offers[key] = offered(number(v[1], 0), min(14, number(v[2], -1)), strings.Contains(kinds, ",4,"), uint32(stamp), strings.Contains(kinds, ",8,"), flags>>6&7, fast, multipath)
}

// TestOffersAsWireshark compares the options of SYN and SYN-ACK.
func TestOffersAsWireshark(t *testing.T) {
	d := readDifferences(t, "tshark options")
	var total, rare atomic.Int64
	t.Run("captures", func(t *testing.T) {
		list := incidentCaptures(t)
		for _, name := range wiresharkCaptures(t) {
			if strings.HasPrefix(name, "captures/") && !strings.HasSuffix(name, ".gz") {
				list = append(list, need.Shared(t, name))
			}
		}
		list = append(list, filepath.Join("testdata", "recorded", "tcp-options.pcap"))
		for _, path := range list {
			name := filepath.Base(filepath.Dir(filepath.Dir(path))) + "/" + filepath.Base(path)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				seen := askTshark(t, path).offers
				found, told := []string(nil), map[string]bool{}
				for _, f := range analyseWith(t, path, "").Flows {
					c := f.Conn
					if c == nil {
						continue
					}
					for side, is := range []bool{len(c.SYN) > 0, len(c.SYNACK) > 0} {
						key := fmt.Sprintf("%d %v", f.Stream, Dir(side))
						if !is || told[key] {
							continue
						}
						told[key] = true
						total.Add(1)
						got, want := offeredOf(c, Dir(side)), seen[key]
						if strings.Contains(want, "cookie") || strings.Contains(want, "capable") || !strings.Contains(want, "ecn 000") {
							rare.Add(1)
						}
						if got != want {
							found = append(found, fmt.Sprintf("tcp%s: %s, here %s", key, want, got))
						}
					}
				}
				d.check(t, name, found)
			})
		}
	})
	t.Logf("%d SYNs and SYN-ACKs, %d with fast open, multipath or ECN", total.Load(), rare.Load())
	if total.Load() < 4000 || rare.Load() < 20 {
		t.Error("too few compared")
	}
}

// TestOffersAsKernel: what both ends agreed on as the kernel of the client has it.
func TestOffersAsKernel(t *testing.T) {
	told := map[string]*Conn{}
	joined := false
	for _, f := range recorded(t, "tcp-options.pcap", "").Flows {
		told[itoa(int(f.Client.Port()))] = f.Conn
		joined = joined || f.Conn.Offers[Client].Multipath() == "join" && f.Conn.Offers[Server].Multipath() == "join"
	}
	if !joined {
		t.Error("no path joined another's connection")
	}
	special := map[string]string{
		"ecn": "classic", "ecn refused": "refused", "ecn withdrawn": "withdrawn",
		"fast open, asks for a cookie": "request, cookie, 0 of 0", "fast open, with a cookie": "cookie, , 9 of 9",
		"fast open, with another key's cookie": "cookie, cookie, 0 of 9", "fast open, not there": "cookie, , 0 of 9",
		"multipath": "capable-v1, capable-v1", "multipath, not there": "capable-v1, ",
	}
	for _, line := range toldBy(t, "tcp-options.txt", `(?m)^(\d+) (.*): mss=(\d+) (.*)$`) {
		c, in, label := told[line[0]], strings.Fields(line[3]), line[1]
		if c == nil {
			t.Fatalf("no connection from port %s", line[0])
		}
		both := c.Offers[Client] & c.Offers[Server]
		got := []string{}
		if both.Has(OffersTimestamps) {
			got = append(got, "timestamps")
		}
		if both.Has(OffersSACK) {
			got = append(got, "sack")
		}
		if c.Scale[Client] >= 0 && c.Scale[Server] >= 0 {
			got = append(got, "scale")
		}
		if c.ECN() == "classic" {
			got = append(got, "ecn")
		}
		if c.EarlyAccepted > 0 {
			got = append(got, "syn-data")
		}
		if !slices.Equal(got, in) {
			t.Errorf("%s: %v, the kernel says %v", label, got, in)
		}
		a, z := c.Offers[Client], c.Offers[Server]
		switch {
		case c.ECN() != "":
			got[0] = c.ECN()
		case a.FastOpen() != "":
			got[0] = fmt.Sprintf("%s, %s, %d of %d", a.FastOpen(), z.FastOpen(), c.EarlyAccepted, c.EarlyBytes)
		case a.Multipath() != "":
			got[0] = a.Multipath() + ", " + z.Multipath()
		default:
			got[0] = ""
		}
		if got[0] != special[label] {
			t.Errorf("%s: %q, want %q", label, got[0], special[label])
		}
	}
}

// TestAccurateECN: RFC 9768, table 2. No kernel at hand speaks it.
func TestAccurateECN(t *testing.T) {
	for _, c := range []struct {
		asked, answer Offers
		want          string
	}{
		{offersECN, OffersSeen | offersCWR, "accurate"}, {offersECN, OffersSeen | offersCWR | offersECE, "accurate"}, {offersECN, OffersSeen | offersAE, "accurate"},
		{offersECN, OffersSeen | offersAE | offersCWR, "accurate"}, {offersECN, OffersSeen | offersECE, "classic"}, {offersECN, OffersSeen | offersAE | offersECE, "classic"},
		{offersECN, OffersSeen, "refused"}, {offersECN, OffersSeen | offersECN, "refused"}, {offersECN, 0, "asked"},
		{offersECE | offersCWR, OffersSeen | offersCWR, "refused"}, {offersECE, OffersSeen | offersECE, ""}, {0, OffersSeen | offersECE, ""},
	} {
		if got := (&Conn{Offers: [2]Offers{c.asked | OffersSeen, c.answer}}).ECN(); got != c.want {
			t.Errorf("%b, %b: %q, want %q", c.asked, c.answer, got, c.want)
		}
	}
}
