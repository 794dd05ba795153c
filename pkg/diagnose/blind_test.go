package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// What packet tools that look at one packet or one transaction at a time do not
// show, each on real input.

// TestRetryAfterTimer: the second query's answer is quick; the lookup took five
// seconds more. The resolver's query log lacks the first, and says so; without
// the logs it is a retry.
func TestRetryAfterTimer(t *testing.T) {
	c := read(t, "incidents", "s10_integrador", "input")
	retried(t, Run(c, Options{}), "dns-never-reached-resolver")
	c.Incident.Logs = nil
	retried(t, Run(c, Options{}), "dns-retry")
}

func retried(t *testing.T, d *Diagnosis, rule string) {
	t.Helper()
	f := of(d, rule)
	if len(f) != 1 || f[0].Lost < 4900*time.Millisecond || f[0].Lost > 5200*time.Millisecond {
		t.Fatalf("%+v", f)
	}
	if d.Hypotheses[0] != f[0].ID {
		t.Errorf("%s is first, not %s", d.Hypotheses[0], f[0].ID)
	}
}

// TestSecondResolver: a lookup that moved on to another resolver is one lookup.
func TestSecondResolver(t *testing.T) {
	d := Run(read(t, "incidents", "s03_slow_dns", "input"), Options{})
	f := of(d, "dns-failover")
	if len(f) != 1 || len(f[0].Journeys) != 2 || f[0].Lost < 2900*time.Millisecond {
		t.Fatalf("%+v", f)
	}
	for _, j := range f[0].Journeys {
		if len(j.Lookup.Resolvers) != 2 || lookupTime(j.Lookup) < 900*time.Millisecond {
			t.Errorf("%s: %d resolvers, %s", j.ID, len(j.Lookup.Resolvers), lookupTime(j.Lookup))
		}
	}
}

// TestTimerBehindRoundTrip: a lost SYN leaves a small round trip; the connection
// took its timers as well.
func TestTimerBehindRoundTrip(t *testing.T) {
	f := of(Run(read(t, "incidents", "s04_loss", "input"), Options{}), "syn-lost")
	if len(f) != 1 || len(f[0].Journeys) != 3 {
		t.Fatalf("%+v", f)
	}
	for _, j := range f[0].Journeys {
		took, ok := phaseTime(j, pcapflow.TCPConnect)
		if !ok || took < time.Second || roundTrip(j) > 100*time.Millisecond {
			t.Errorf("%s: connected in %s, round trip %s", j.ID, took, roundTrip(j))
		}
	}
}

// TestMirroredPort: packets captured twice are no losses.
func TestMirroredPort(t *testing.T) {
	d := Run(read(t, "captures", "zeek/testing/btest/Traces/tcp/ssh-dups.pcap"), Options{})
	if len(of(d, "capture-duplicates")) != 1 {
		t.Error("the copies are not told")
	}
	for _, rule := range []string{"loss-in-handshake", "loss-in-response", "loss-stall", "spurious-retransmission"} {
		for _, f := range of(d, rule) {
			t.Errorf("%s: %s", rule, f.Text)
		}
	}
}

// TestThinkTimeIsNoRoundTrip: an acknowledgement that waits for the answer to
// travel with it does not lengthen the round trip.
func TestThinkTimeIsNoRoundTrip(t *testing.T) {
	c := read(t, "incidents", "s02_slow_app", "input")
	slow := 0
	for _, j := range c.Journeys {
		if d, ok := think(j); ok && d > 400*time.Millisecond {
			slow++
			if r := roundTrip(j); r <= 0 || r > 40*time.Millisecond {
				t.Errorf("%s: the server thought for %s, round trip %s", j.ID, d, r)
			}
		}
	}
	if slow < 5 {
		t.Errorf("only %d slow requests", slow)
	}
}

// TestMisleadingFigures: dig's Query time leaves the retries out, and curl's
// connect=0 the connection that stood.
func TestMisleadingFigures(t *testing.T) {
	w := newWorld()
	l := w.lookup("app.example", w.again(w.try("A", "app.example", 1000, 3010, "NOERROR"), 3000))
	w.c.Incident.Logs[0].Events[0].Lookup = &logparse.Lookup{QueryTime: 10 * ms}
	row := item(Run(w.c, Options{}), "dns-query")
	if row.Status != "contradicted" || !strings.Contains(row.Text, "2.01 s") || lookupTime(l) != 2010*ms {
		t.Errorf("%+v", row)
	}
	row = item(Run(read(t, "incidents", "s13_tls_failures", "input"), Options{}), "client-timing")
	if row.Status != "contradicted" || !strings.Contains(row.Text, "connect=0") {
		t.Errorf("%+v", row)
	}
}

func item(d *Diagnosis, name string) Check {
	for _, k := range d.Checklist {
		if k.Item == name {
			return k
		}
	}
	return Check{}
}

// TestDaemon: before, in and after the daemon, for each service.
func TestDaemon(t *testing.T) {
	c := read(t, "incidents", "s10_integrador", "input")
	seen := map[string]int{}
	for _, j := range c.Journeys {
		d := (&Diagnosis{}).DaemonOf(c, j, 0)
		if d == nil {
			continue
		}
		seen[j.Service]++
		var sum time.Duration
		for _, part := range []time.Duration{d.Before, d.Network, d.Queue, d.In, d.After} {
			sum += max(part, 0)
		}
		if j.Exchange != nil && d.In >= 0 && d.After >= 0 && (sum-j.Total()).Abs() > 50*ms+j.Total()/10 {
			t.Errorf("%s %s: the parts are %s, the journey %s: %+v", j.ID, j.Service, sum, j.Total(), d)
		}
		if d.Text == "" || d.Reached == ReachedUnknown || d.Reached == ReachedNot {
			t.Errorf("%s %s: %+v", j.ID, j.Service, d)
		}
	}
	for _, service := range []string{"https", "ssh", "dns", "ntp"} {
		if seen[service] == 0 {
			t.Errorf("no journey of %s", service)
		}
	}
}

// TestDaemonLate: a request that waited before the daemon is told from one in it.
func TestDaemonLate(t *testing.T) {
	w := newWorld()
	j, _ := w.request(1700, 1701)
	w.said(j, took(5*ms))
	if d := (&Diagnosis{}).DaemonOf(w.c, j, 0); d.Queue < 500*ms || d.In != 5*ms || d.Reached != ReachedLog {
		t.Errorf("%+v", d)
	}
	w = newWorld()
	j, _ = w.request(1700, 1701)
	w.said(j, took(580*ms))
	if d := (&Diagnosis{}).DaemonOf(w.c, j, 0); d.Queue != 0 || d.In < 500*ms {
		t.Errorf("%+v", d)
	}
	w = newWorld()
	j, s := w.ssh(1040)
	w.round(s, 1300, 6320, "failure", true)
	j.SideLookups = []*correlate.Lookup{w.lookup("11.0.1.10.in-addr.arpa", w.again(w.try("PTR", "11.0.1.10.in-addr.arpa", 1310, 0, ""), 6310))}
	if d := (&Diagnosis{}).DaemonOf(w.c, j, 0); d.In < 4900*ms || !strings.Contains(d.Waited, "in-addr.arpa") {
		t.Errorf("%+v", d)
	}
}

// TestReachedLate: sshd's own line and the clocks tell a connection that waited
// before the daemon from one that the daemon itself kept waiting.
func TestReachedLate(t *testing.T) {
	for at, want := range map[int]string{3900: "it waited before it", 1030: "delayed the banner itself", 1600: ""} {
		w := newWorld()
		j, _ := w.ssh(4000)
		e := sshLine(logparse.SSHConnection, "Connection from")
		e.Time, e.HasTime, e.Width = int64(time.Duration(at)*ms), true, ms
		w.said(j, e)
		here := w.clock("here", "capture", clock.Reference)
		here.Files = append(w.k.Files, w.c.Incident.Logs[0].File)
		f := of(Run(w.c, Options{}), "ssh-late-banner")
		if len(f) != 1 || want != "" && !strings.Contains(f[0].Text, want) {
			t.Errorf("a line at %d ms: %+v, want %q", at, f, want)
		}
	}
}
