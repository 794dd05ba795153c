package logparse

import (
	"bytes"
	"io"
)

// What programs print of a host's state: ss, netstat, nstat, ip neigh, vmstat,
// iostat, alone or several after their prompts. Each record is a HostState:
// Values are its numbers by the names that are printed.
//
// Of a socket, Server is the local address and Client the other one. Only
// vmstat -t and iostat -t write stamps.

var hostState = &Format{
	Name: "socket-state",
	Score: func(head []byte) int {
		for _, sign := range stateSigns {
			if bytes.Contains(head, []byte(sign)) {
				return scoreTranscript(head, 94, &snapshots{t: &stateText{}})
			}
		}
		return 0
	},
	Open:  func(r io.Reader, src Source) Decoder { return newSnapshotDecoder(r, &stateText{src: src}, src) },
	Hints: []string{"ss_", "ss.", "nstat", "netstat", "neigh", "vmstat", "iostat", "socket"},
}

// stateSigns are texts without which a file is not looked at further.
var stateSigns = []string{
	"Recv-Q Send-Q", "LISTEN", "ESTAB", "Transport Total", "#kernel", "TcpExt", "Tcp:", " lladdr ", " dev ", "procs -", "avg-cpu:", "Device", "$ ss ", "$ nstat", "$ netstat", "$ ip ", "$ vmstat", "$ iostat",
}

// stateText is the state of one text. Each program's part takes the lines it
// knows; the last one that took a line is asked first.
type stateText struct {
	src     Source
	sockets socketTable
	kernel  kernelCounters
	load    loadTable
}

func (s *stateText) line(line []byte, at place, out *outbox) bool {
	if _, _, ok := prompt(line, "ss", "nstat", "netstat", "ip", "vmstat", "iostat", "arp", "cat"); ok {
		s.end(out)
		return true
	}
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		s.kernel.pause(out)
		return true
	}
	if _, ok := exitLine(line); ok {
		return true
	}
	return s.sockets.line(line, text, at, out) || neighbour(text, at, out) || s.kernel.line(line, text, at, out) || s.load.line(line, text, at, out, &s.src)
}

func (s *stateText) end(out *outbox) {
	s.sockets.finish(out)
	s.kernel.finish(out)
	s.load = loadTable{}
}

// number adds one number to e, if it is one.
func (e *Event) number(name, text []byte, unit string) bool {
	const most = 2000
	v, ok := real(text)
	if ok && len(e.Values) < most {
		e.Values = append(e.Values, Value{Name: string(name), Number: v, Unit: unit})
	}
	return ok
}

// neighbourStates are those of ip-neighbour(8).
var neighbourStates = map[string]bool{"REACHABLE": true, "STALE": true, "DELAY": true, "PROBE": true, "FAILED": true, "INCOMPLETE": true, "PERMANENT": true, "NOARP": true}

// neighbour reads a line of ip neigh: "10.20.0.10 dev eth0 lladdr
// 52:54:00:01:0a:0a REACHABLE". Outcome is the state, Text the link address.
func neighbour(text []byte, at place, out *outbox) bool {
	var f [16][]byte // with -s: "ref 1 used 23/0/23probes 4" between
	n := min(words(text, f[:]), len(f))
	if n < 4 || string(f[1]) != "dev" || !neighbourStates[string(f[n-1])] {
		return false
	}
	a, ok := address(f[0])
	if !ok {
		return false
	}
	e := begin(HostState, at)
	e.Process, e.Name, e.Outcome = "ip neigh", string(f[2]), string(f[n-1])
	e.Peers = append(e.Peers, a)
	if string(f[3]) == "lladdr" && n > 4 {
		e.Text = string(f[4])
	}
	out.put(e)
	return true
}
