package correlate

import (
	"context"
	"maps"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// stretch is a way that packets take between two captures.
type stretch struct {
	client     uint16 // the connection's port there
	from       pcapflow.Dir
	seen, gone string
}

// passing is a packet by what does not change on its way.
type passing struct{ source, port, seq, length, id string }

// listed are the packets with data, SYN or FIN of a capture, and the ports whose SYN it
// holds, as tshark tells.
type listed struct {
	packets []passing
	opened  map[string]bool
}

// listings are those made already, by path: each capture has several neighbours.
type listings map[string]listed

func (all listings) of(t *testing.T, file string) listed {
	t.Helper()
	if l, made := all[file]; made {
		return l
	}
	out, err := exec.Command(need.Program(t, "tshark"), "-r", file, "-Y", "tcp.len > 0 or tcp.flags.syn == 1 or tcp.flags.fin == 1",
		"-T", "fields", "-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "tcp.seq_raw", "-e", "tcp.len", "-e", "ip.id", "-e", "tcp.flags").Output()
	if err != nil {
		t.Fatal(err)
	}
	l := listed{opened: map[string]bool{}}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if f[5] == "0x0002" {
			l.opened[f[0]] = true
		}
		l.packets = append(l.packets, passing{f[0], f[1], f[2], f[3], f[4]})
	}
	all[file] = l
	return l
}

// passedTwice counts the packets with data, SYN or FIN that one capture holds and the
// next does not, by their sequence numbers and identifications, of connections whose SYN
// both hold.
func passedTwice(t *testing.T, all listings, seen, gone string, count map[stretch]int, from pcapflow.Dir) {
	t.Helper()
	up, down := all.of(t, seen), all.of(t, gone)
	left := map[passing]int{}
	for _, p := range down.packets {
		left[p]++
	}
	for _, p := range up.packets {
		client := p.source
		if from == pcapflow.Server {
			client = p.port
		}
		if !up.opened[client] || !down.opened[client] {
			continue // of the other side, or not whole
		}
		if left[p] > 0 {
			left[p]--
			continue
		}
		port, err := strconv.ParseUint(client, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		count[stretch{uint16(port), from, name(seen), name(gone)}]++
	}
}

// name of a capture, packed or not.
func name(path string) string { return strings.TrimSuffix(filepath.Base(path), ".gz") }

// TestLossesPlaced: between which captures packets were lost is told of each of
// them, as tshark counts them, and of none beside. In two-places nft, on the router,
// had counted 7 of the server's and 2 of the client's, and the path 7.
func TestLossesPlaced(t *testing.T) {
	recorded := filepath.Join("testdata", "recorded", "two-places")
	all := listings{}
	for _, x := range []struct {
		folder string
		way    []string // from the client to the server
		total  int
	}{
		{recorded, []string{"client.pcap.gz", "router.pcap.gz", "server.pcap.gz"}, 16},
		{need.Shared(t, "incidents", "s04_loss", "input"), []string{"cliente.pcap", "router_wan0.pcap", "servidor.pcap"}, 31},
		{need.Shared(t, "incidents", "s14_two_points", "input"), []string{"punto_a_cliente.pcap", "punto_m_router.pcap", "punto_b_servidor.pcap"}, 6},
	} {
		want := map[stretch]int{}
		for i := 1; i < len(x.way); i++ {
			a, b := filepath.Join(x.folder, x.way[i-1]), filepath.Join(x.folder, x.way[i])
			passedTwice(t, all, a, b, want, pcapflow.Client)
			passedTwice(t, all, b, a, want, pcapflow.Server)
		}
		inc, err := incident.Read(context.Background(), []string{x.folder}, incident.Options{})
		if err != nil {
			t.Fatal(err)
		}
		// Journeys of one connection may wait for the same loss.
		type once struct {
			client netip.AddrPort
			from   pcapflow.Dir
			kind   string
			seq    uint32
			frame  int
			n      int
		}
		got, told, total := map[stretch]int{}, map[once]bool{}, 0
		for _, j := range Correlate(inc, Options{}).Journeys {
			repeats := map[once]int{}
			for _, l := range j.Losses {
				o := once{client: j.Client, from: l.Dir, kind: l.Kind, seq: l.Seq, frame: l.Resent.Frame}
				repeats[o]++
				if o.n = repeats[o]; !told[o] {
					told[o] = true
					got[stretch{j.Client.Port(), l.Dir, name(l.Seen.Capture.Files[0].Path), name(l.Missed.Capture.Files[0].Path)}]++
					total++
				}
			}
		}
		if !maps.Equal(got, want) || total != x.total {
			t.Errorf("%s: %d lost, want %d:\n%v\nwant %v", x.folder, total, x.total, got, want)
		}
	}
}

// TestDelayedACKFar: over a path of 80 ms there and back, what small pieces waited
// for an acknowledgement that was delayed by 40 ms is told from the path, seen from
// either end.
func TestDelayedACKFar(t *testing.T) {
	inc, err := incident.Read(context.Background(), []string{filepath.Join("testdata", "recorded", "small-pieces-far")}, incident.Options{})
	if err != nil {
		t.Fatal(err)
	}
	delayed := func(shares []Share) (ms int64) {
		for _, s := range shares {
			if s.Cause == CauseHeldBack {
				ms = s.Time.Milliseconds()
			}
		}
		return ms
	}
	held := 0
	for _, j := range Correlate(inc, Options{}).Journeys {
		client, server := delayed(j.Breakdown), int64(0)
		if j.ServerView != nil {
			server = delayed(j.ServerView.Breakdown)
		}
		if client == 0 && server == 0 {
			continue
		}
		held++
		if client < 39 || client > 47 || server < 39 || server > 47 || j.Ordinal < 2 {
			t.Errorf("%s, request %d: %d ms at the client, %d ms at the server", j.ID, j.Ordinal, client, server)
		}
	}
	if held != 5 { // of the first of six requests the acknowledgement came at once
		t.Errorf("%d requests held back", held)
	}
}
