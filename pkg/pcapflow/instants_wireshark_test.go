package pcapflow

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// facts are handshake messages, each as "tcp3 client-hello #12 1795…" with
// frame and nanoseconds since the epoch.
type facts map[string]bool

func (l facts) add(transport Transport, stream int, what string, s Stamp) {
	if s.Seen() {
		l[fmt.Sprintf("%v%d %s #%d %d", transport, stream, what, s.Frame, s.Time)] = true
	}
}

// ours are the facts of an analysis.
func ours(r *Result) facts {
	l := facts{}
	for _, f := range r.Flows {
		add := func(what string, stamps ...Stamp) {
			for _, s := range stamps {
				l.add(f.Transport, f.Stream, what, s)
			}
		}
		if c := f.Conn; c != nil {
			add("syn", c.SYN...)
			add("syn-ack", c.SYNACK...)
			if len(c.SYN) > 0 && len(c.SYNACK) > 0 {
				add("ack", c.ACK)
			}
			for _, rst := range c.RST {
				add("rst", rst.Stamp)
			}
			add("client fin", c.FIN[Client])
			add("server fin", c.FIN[Server])
		}
		if x := f.TLS; x != nil && x.DTLS == nil { // DTLS: TestDTLSAsWireshark
			add("client hello", x.ClientHello, x.SecondHello)
			add("server hello", x.ServerHello, x.HelloRetryAt)
			if x.Decrypted || x.Parts[Server][PartEncryptedExtensions].Seen() { // a handshake that was opened, if nothing behind it
				add("finished", x.ClientFinished, x.ServerFinished)
				add("client close", x.CloseNotify[Client])
				add("server close", x.CloseNotify[Server])
			}
			if x.Version != "TLSv1.3" && !x.Resumed {
				add("hello done", x.ServerFlightEnd)
			}
			for d := range x.Parts {
				for p, at := range x.Parts[d] {
					add(partNames[d][p], at)
				}
			}
			add("ticket", x.Ticket)
			for _, a := range x.Alerts {
				if a.Code > 0 && !x.Decrypted {
					add("alert", a.Stamp)
				}
			}
		}
		if q := f.QUIC; q != nil {
			add("client hello", q.ClientHello, q.SecondHello)
			add("server hello", q.ServerHello, q.HelloRetryAt)
			add("initial", q.Initial)
			add("retry", q.RetryAt)
		}
		if s := f.SSH; s != nil {
			add("client banner", s.ClientBanner)
			add("server banner", s.ServerBanner)
			add("kexinit", s.KexInit[:]...)
			add("newkeys", s.NewKeys[:]...)
			add("kex-reply", s.KexReply)
			add("kex-request", s.KexRequest)
			add("group-request", s.GroupRequest)
			add("group-reply", s.GroupReply)
			add("disconnect", s.Disconnect)
		}
		for i := range f.DNS {
			x := &f.DNS[i]
			add(fmt.Sprintf("query %#04x", x.ID), append(x.Repeats, x.Query)...)
			add(fmt.Sprintf("answer %#04x", x.ID), append(x.Extra, x.Answer)...)
		}
		for i := range f.NTP {
			x := &f.NTP[i]
			add("ntp", append(x.Repeats, x.Request.Stamp, x.Response.Stamp)...)
		}
		for i := range f.HTTP {
			if x := &f.HTTP[i]; !x.Estimated && x.Version != "HTTP/2" {
				if x.Method != "" {
					add("request", x.RequestFirst)
				}
				add("response", append(x.Interim, x.ResponseFirst)...)
			}
		}
	}
	return l
}

var instantFields = []string{"frame.number", "frame.time_epoch", "tcp.stream", "udp.stream", "tcp.flags", "tcp.srcport", "tls.handshake.type",
	"tls.alert_message.desc", "ssh.message_code", "ssh.protocol", "dns.flags.response", "dns.id", "ntp.flags.mode", "http.request.method", "http.response.code",
	"quic.long.packet_type", "quic.long.packet_type_v2"}

// theirs are the facts tshark tells of the streams in r; who is whose client is
// taken from r.
func theirs(t *testing.T, path string, r *Result) facts {
	l := facts{}
	flows := byStream(r)
	acked := map[int]int{}                            // stream → 1: SYN-ACK seen, 2: ACK seen
	once, groups := map[string]bool{}, map[int]bool{} // groups: streams with a group exchange (RFC 4419), which uses 31 for the group
	for _, v := range askTshark(t, path).messages {
		frame, _ := strconv.Atoi(v[0])
		sec, frac, _ := strings.Cut(v[1], ".")
		s, _ := strconv.ParseInt(sec, 10, 64)
		ns, _ := strconv.ParseInt((frac + "000000000")[:9], 10, 64)
		at := Stamp{s*1e9 + ns, frame}
		transport, number := TCP, v[2]
		if number == "" {
			transport, number = UDP, v[3]
		}
		stream, _ := strconv.Atoi(number)
		add := func(what string) { l.add(transport, stream, what, at) }
		first := func(what string) {
			if key := number + transport.String() + what; !once[key] {
				once[key] = true
				add(what)
			}
		}
		side := "client "
		if f := flows[stream]; transport == TCP && f != nil {
			if v[5] == itoa(int(f.Server.Port())) {
				side = "server "
			}
			flags, _ := strconv.ParseUint(v[4], 0, 16)
			switch {
			case flags&flagRST != 0:
				add("rst")
			case flags&(flagSYN|flagACK) == flagSYN:
				add("syn")
			case flags&flagSYN != 0:
				add("syn-ack")
				if len(f.Conn.SYN) > 0 {
					acked[stream] = max(acked[stream], 1)
				}
			case side == "client " && acked[stream] == 1 && flags&flagACK != 0:
				acked[stream] = 2
				add("ack")
			}
			if flags&flagFIN != 0 && flags&flagRST == 0 {
				first(side + "fin")
			}
		}
		for i, list := range v[6:] {
			for _, x := range strings.FieldsFunc(list, func(c rune) bool { return c == ',' }) {
				switch i {
				case 0:
					if what := map[string]string{"1": "client hello", "2": "server hello", "14": "hello done", "20": "finished"}[x]; what != "" {
						add(what)
					} else if x == "4" && transport == TCP {
						first("ticket")
					} else if typ, _ := strconv.Atoi(x); transport == TCP {
						d := Dir(Client)
						if side == "server " {
							d = Server
						}
						if p, ok := partOf(d, byte(typ)); ok {
							first(partNames[d][p])
						}
					}
				case 1:
					if x != "0" {
						add("alert")
					} else if transport == TCP {
						first(side + "close")
					}
				case 2:
					groups[stream] = groups[stream] || x == "34"
					if what := map[string]string{"20": "kexinit", "21": "newkeys", "30": "kex-request", "31": "kex-reply", "32": "kex-request", "33": "kex-reply", "34": "group-request", "1": "disconnect"}[x]; x == "31" && groups[stream] {
						add("group-reply")
					} else if what != "" {
						add(what)
					}
				case 3:
					if strings.HasPrefix(x, "SSH-") {
						add(side + "banner")
					}
				case 5:
					what := "query "
					if v[10] == "True" || v[10] == "1" {
						what = "answer "
					}
					add(what + x)
				case 6:
					if mode, _ := strconv.Atoi(x); mode >= ntpActive && mode <= ntpBroadcast {
						add("ntp")
					}
				case 7, 8:
					if transport == TCP { // else it is SSDP
						add([]string{"request", "response"}[i-7])
					}
				case 9, 10:
					if initial := []string{"0", "1"}[i-9]; x == initial {
						first("initial")
					} else if retry := []string{"3", "0"}[i-9]; x == retry {
						first("retry")
					}
				}
			}
		}
	}
	return l
}

// recordedCaptures are those of testdata/recorded.
func recordedCaptures(t *testing.T) (list []string) {
	t.Helper()
	for _, pattern := range []string{"*.pcap", "*/*.pcap"} {
		found, err := filepath.Glob(filepath.Join("testdata", "recorded", pattern))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, found...)
	}
	return list
}

// labCaptures are those of a folder of recordings, as lab/run writes them
// (FLOWCORR_RECORDINGS); none where none is named.
func labCaptures(t *testing.T) (list []string) {
	t.Helper()
	if root := os.Getenv("FLOWCORR_RECORDINGS"); root != "" {
		var err error
		if list, err = filepath.Glob(filepath.Join(root, "*", "input", "*.pcap")); err != nil || len(list) == 0 {
			t.Fatalf("no recordings in %s: %v", root, err)
		}
	}
	return list
}

// keyLogBeside is the key log of an incident's first client; "": it has none.
func keyLogBeside(path string) string {
	for _, name := range []string{"sslkeys.log", "sslkeys.txt"} {
		keys := filepath.Join(filepath.Dir(path), "c1", name)
		if _, err := os.Stat(keys); err == nil {
			return keys
		}
	}
	return ""
}

// TestInstantsAsWireshark compares frame and instant of every handshake message
// in every capture of all incidents, of testdata/recorded and of the recordings that
// FLOWCORR_RECORDINGS names, to the nanosecond. DTLS: TestDTLSAsWireshark.
func TestInstantsAsWireshark(t *testing.T) {
	d := readDifferences(t, "tshark instants")
	var total atomic.Int64
	t.Run("captures", func(t *testing.T) {
		for _, path := range slices.Concat(incidentCaptures(t), recordedCaptures(t), labCaptures(t)) {
			name := filepath.Base(filepath.Dir(filepath.Dir(path))) + "/" + filepath.Base(path)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := analyseWith(t, path, keyLogBeside(path))
				want, got := theirs(t, path, r), ours(r)
				total.Add(int64(len(want)))
				found := want.without(got, " not so here")
				found = append(found, got.without(want, " only here")...)
				d.check(t, name, found)
			})
		}
	})
	if n := total.Load(); n < 10_000 {
		t.Errorf("only %d messages compared", n)
	}
}

// without lists the facts that others lack.
func (l facts) without(others facts, remark string) (list []string) {
	for x := range l {
		if !others[x] {
			list = append(list, x+remark)
		}
	}
	slices.Sort(list)
	return list
}
