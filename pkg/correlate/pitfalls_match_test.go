package correlate

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestPitfall05StampsOfStartOrEnd: a slow request, of which nginx stamps the end
// and Apache the start; both lines are its own.
func TestPitfall05StampsOfStartOrEnd(t *testing.T) {
	for _, means := range []logparse.Moment{logparse.RequestEnd, logparse.RequestStart} {
		s := newScene()
		for i := range 4 {
			f := s.connect(fmt.Sprintf("10.0.0.2:%d", 50000+i), server+":443", float64(i)*7000, 1)
			s.exchange(f, float64(i)*7000+5, 5000, 1)
		}
		var events []logparse.Event
		for i := range 4 {
			at := float64(i)*7000 + 6
			if means == logparse.RequestEnd {
				at += 5000
			}
			events = append(events, requestLine("10.0.0.2", "/slow", at, means))
		}
		b, _ := matched(s, logOf("web/access.log", events...))
		wantLines(t, b, "1", "2", "3", "4")
	}
}

// nginxAndPackets are recordings of one host, so that the true offset is 0: a
// client that read 50 kB after 1.5 s, a POST whose body nobody read and whose
// connection the server therefore kept open for 2 s, sessions with tickets.
func nginxAndPackets(t *testing.T) *Case {
	dir := t.TempDir()
	put(t, dir, "web.pcap", read(t, "daemons", "web", "web.pcap"))
	put(t, dir, "web/access.log", read(t, "daemons", "web", "logs", "access.log"))
	return Correlate(analysed(t, dir), Options{})
}

// TestPitfall06LogEndIsNotLastPacket: the line of a request is not held against
// its last packet; no clock is 2 s wrong for it.
func TestPitfall06LogEndIsNotLastPacket(t *testing.T) {
	c := nginxAndPackets(t)
	lines, slowReader, lingering := 0, false, false
	for _, j := range c.Journeys {
		for _, l := range j.Lines {
			if l.Status != "matched" {
				continue
			}
			lines++
			if l.HasResidual && l.Residual.Abs() > 15*time.Millisecond {
				t.Errorf("line %d of %s: %v away", l.Log.Events[l.Event].Line, j.ID, l.Residual)
			}
			e := j.Exchange
			slowReader = slowReader || e.ResponseLast.Time-e.ResponseFirst.Time > int64(400*time.Millisecond)
			d := int64(l.Log.Events[l.Event].Duration)
			lingering = lingering || d > e.ResponseLast.Time-e.RequestFirst.Time+int64(1500*time.Millisecond)
		}
	}
	if lines < 28 || !slowReader || !lingering {
		t.Errorf("%d lines, a slow reader: %v, a connection kept open: %v", lines, slowReader, lingering)
	}
	for _, k := range c.Clocks {
		if k.Status == clock.Measured && len(k.Files) > 0 { // a clock that wrote one of the files
			if mid, low, high, ok := k.At(k.Segments[0].From); !ok || low > int64(time.Millisecond) || high < -int64(time.Millisecond) || math.Abs(float64(mid)) > 3e6 {
				t.Errorf("%s: %v in %v … %v, truly 0", k.Name, time.Duration(mid), time.Duration(low), time.Duration(high))
			}
		}
	}
}

// TestPitfall09TicketsAreNoAnswer: the first record of the server after the
// handshake is a ticket; the application took 1.5 s.
func TestPitfall09TicketsAreNoAnswer(t *testing.T) {
	seen := 0
	for _, j := range nginxAndPackets(t).Journeys {
		if j.Exchange == nil || j.Exchange.Path != "" || j.Points[0].Flow.TLS == nil || j.Ordinal != 1 {
			continue
		}
		for _, p := range j.Phases {
			for _, l := range j.Lines {
				e := &l.Log.Events[l.Event]
				if p.Name != pcapflow.HTTPWait || !p.End.Seen() || len(e.Upstream) == 0 || e.Upstream[0] < time.Second {
					continue
				}
				seen++
				if d := time.Duration(p.End.Time-p.Begin.Time) - e.Upstream[0]; d.Abs() > 5*time.Millisecond {
					t.Errorf("%s: the first byte after %v, the application took %v", j.ID, time.Duration(p.End.Time-p.Begin.Time), e.Upstream[0])
				}
			}
		}
	}
	if seen < 2 {
		t.Errorf("%d slow requests within TLS, at least 2 expected", seen)
	}
}

// TestPitfall10LinesOfLogins: syslog of another zone that states neither zone nor
// year, over New Year, of a process called sshd-session; a refused password is
// logged before the client hears of it.
func TestPitfall10LinesOfLogins(t *testing.T) {
	const ahead = 3600 // s: the host's zone
	newYear := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix() - 1795342150
	dir := t.TempDir()
	packets := read(t, "daemons", "ssh", "ssh.pcap")
	for at := 24; at+16 <= len(packets); at += 16 + int(binary.LittleEndian.Uint32(packets[at+8:])) {
		binary.LittleEndian.PutUint32(packets[at:], uint32(int64(binary.LittleEndian.Uint32(packets[at:]))+newYear))
	}
	put(t, dir, "ssh.pcap", packets)
	var text strings.Builder
	for _, line := range strings.Split(string(read(t, "daemons", "ssh", "auth.raw")), "\n") {
		m := regexp.MustCompile(`^(\d+)\.\d+ <\d+>.{15} sshd(\[\d+\]: .*)`).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		var sec int64
		fmt.Sscan(m[1], &sec)
		fmt.Fprintf(&text, "%s gate sshd-session%s\n", time.Unix(sec+newYear+ahead, 0).UTC().Format("Jan _2 15:04:05"), m[2])
	}
	put(t, dir, "gate/auth.log", []byte(text.String()))
	c := Correlate(analysed(t, dir), Options{})
	verdict := regexp.MustCompile(`^(Accepted|Failed) (password|publickey) for .* port (\d+)`)
	matched := map[string]int{}
	for _, j := range c.Journeys {
		for _, l := range j.Lines {
			m := verdict.FindStringSubmatch(l.Log.Events[l.Event].Text)
			if m == nil {
				continue
			}
			if m[3] != fmt.Sprint(j.Client.Port()) || l.Status != "matched" {
				t.Errorf("%q is %s to %v", m[0], l.Status, j.Client)
			}
			matched[m[1]]++
		}
	}
	if matched["Accepted"] < 5 || matched["Failed"] < 2 {
		t.Errorf("lines of logins: %v", matched)
	}
	for _, l := range c.Incident.Logs {
		k := c.ClockOf(l.File)
		if k == nil || k.Status != clock.Measured {
			t.Errorf("%s: its clock is not measured", l.File.Path)
			continue
		}
		at, low, high, ok := k.Correct(l.Events[0].Time)
		if true0 := int64(1795342141+newYear) * int64(time.Second); !ok || low > true0+int64(time.Second) || high < true0 {
			t.Errorf("the first line is corrected to %v (%v … %v), truly %v", time.Unix(0, at).UTC(), time.Unix(0, low).UTC(), time.Unix(0, high).UTC(), time.Unix(0, true0).UTC())
		}
	}
}
