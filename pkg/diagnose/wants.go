package diagnose

import (
	"slices"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/correlate/clock"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Want is a kind of evidence that rules rest on.
type Want struct {
	there   func(*Case) bool
	command string // that would collect it
}

// collectWeb captures requests and answers.
const collectWeb = "SERVER: tcpdump -ni any -s 0 -w web.pcap 'tcp port 80 or tcp port 443'"

// collectKeys repeats a request so that its TLS can be read.
const collectKeys = "CLIENT: SSLKEYLOGFILE=keys.log curl -sS -o /dev/null HTTPS_URL; flowcorr report --keylog keys.log ."

// The kinds of evidence. What a capture shows is asked of the captures alone, so
// that a connection nobody was told apart counts as well.
var (
	wantCapture     = &Want{func(c *Case) bool { return len(c.Incident.Captures) > 0 }, "tcpdump -ni any -s 0 -w incident.pcap"}
	wantLink        = &Want{anyCapture(func(k *incident.Capture) bool { return len(k.Neighbours) > 0 }), "tcpdump -ni any -w link.pcap 'arp or icmp6'"}
	wantHandshakes  = &Want{anyFlow(func(f *pcapflow.Flow) bool { return f.Conn != nil && len(f.Conn.SYN) > 0 }), "tcpdump -ni any -w tcp.pcap tcp"}
	wantConnections = &Want{anyFlow(func(f *pcapflow.Flow) bool { return f.Conn != nil }), "tcpdump -ni any -s 0 -w tcp.pcap tcp"}
	wantResponses   = &Want{anyJourney(func(j *correlate.Journey) bool { return j.Exchange != nil && j.Exchange.RequestFirst.Seen() }), collectWeb}
	wantStreams     = &Want{anyJourney(func(j *correlate.Journey) bool { return j.Exchange != nil && j.Exchange.StreamID > 0 }), collectKeys}
	wantFinished    = &Want{anyJourney(func(j *correlate.Journey) bool { return j.End.Seen() }), "tcpdump -ni any -s 0 -w incident.pcap"}
	wantQueries     = &Want{func(c *Case) bool { return len(c.userLookups()) > 0 }, "tcpdump -ni any -w dns.pcap 'port 53'"}
	wantAnswers     = &Want{func(c *Case) bool { return slices.ContainsFunc(c.userLookups(), anyAnswer) }, "tcpdump -ni any -w dns.pcap 'port 53'"}
	wantResolver    = &Want{func(c *Case) bool {
		return slices.ContainsFunc(c.userLookups(), func(l *correlate.Lookup) bool { return c.resolverView(l).known })
	}, "RESOLVER: tcpdump -ni any -w resolver.pcap 'port 53'"}
	wantTLS       = &Want{anyFlow(func(f *pcapflow.Flow) bool { return f.TLS != nil }), "tcpdump -ni any -s 0 -w tls.pcap 'tcp port 443'"}
	wantQUIC      = &Want{anyFlow(func(f *pcapflow.Flow) bool { return f.QUIC != nil }), "CLIENT: tcpdump -ni any -s 0 -w quic.pcap 'udp port 443 or tcp port 443 or icmp or icmp6'"}
	wantSSHLogins = &Want{anyJourney(func(j *correlate.Journey) bool { return j.SSH != nil }), "tcpdump -ni any -s 0 -w ssh.pcap 'tcp port 22'"}
	wantNTP       = &Want{anyJourney(func(j *correlate.Journey) bool { return j.NTP != nil }), "tcpdump -ni any -w ntp.pcap 'udp port 123'"}

	wantSSHLog       = &Want{anyEvent(logparse.SSHConnection, logparse.SSHAccepted, logparse.SSHFailed, logparse.SSHClosed, logparse.SSHNegotiation, logparse.SSHDropped), "SERVER: journalctl -u ssh -o export WINDOW"}
	wantAccessLog    = &Want{anyEvent(logparse.HTTPRequest), "SERVER: LOGGING"}
	wantErrorLog     = &Want{anyEvent(logparse.HTTPError, logparse.KernelNotice, logparse.Message), "SERVER: journalctl -o export WINDOW; tar -czf logs.tgz /var/log/nginx /var/log/apache2"}
	wantKernelLog    = &Want{anyEvent(logparse.KernelNotice), "SERVER: journalctl -k -o export WINDOW"}
	wantLogs         = &Want{func(c *Case) bool { return len(c.Incident.Logs) > 0 }, "SERVER: journalctl -o export WINDOW"}
	wantRequestTimes = &Want{anyJourney(func(j *correlate.Journey) bool { _, ok := loggedDuration(j); return ok }), "SERVER: LOGGING"}
	wantClocks       = &Want{func(c *Case) bool {
		return slices.ContainsFunc(c.Clocks, func(k *correlate.Clock) bool { return len(k.Files) > 0 && k.Status != clock.Reference })
	}, "chronyc -n tracking; chronyc -n sources -v"}
	wantLimit       = &Want{func(c *Case) bool { return len(c.budgets) > 0 || c.Baseline.Source != "" }, "flowcorr report --baseline GOOD-DAY ."}
	wantTwoCaptures = &Want{func(c *Case) bool { return len(c.Incident.Captures) > 1 }, "CLIENT: tcpdump -ni any -w client.pcap; SERVER: tcpdump -ni any -w server.pcap"}
)

func anyCapture(has func(*incident.Capture) bool) func(*Case) bool {
	return func(c *Case) bool { return slices.ContainsFunc(c.Incident.Captures, has) }
}

func anyFlow(has func(*pcapflow.Flow) bool) func(*Case) bool {
	return anyCapture(func(k *incident.Capture) bool { return slices.ContainsFunc(k.Flows, has) })
}

func anyJourney(has func(*correlate.Journey) bool) func(*Case) bool {
	return func(c *Case) bool { return slices.ContainsFunc(c.Journeys, has) }
}

func anyEvent(kinds ...logparse.Kind) func(*Case) bool {
	return func(c *Case) bool {
		for _, l := range c.Incident.Logs {
			for i := range l.Events {
				if slices.Contains(kinds, l.Events[i].Kind) {
					return true
				}
			}
		}
		return false
	}
}

// unchecked lists the rules that the case holds no evidence for.
func (c *Case) unchecked() []Unchecked {
	there := map[*Want]bool{}
	var out []Unchecked
	for _, r := range rules {
		found := len(r.Wants) == 0
		for _, w := range r.Wants {
			if _, known := there[w]; !known {
				there[w] = w.there(c)
			}
			found = found || there[w]
		}
		if !found {
			out = append(out, Unchecked{r.Name, r.Needs.In(c.Lang), c.command(r.Wants[0].command, c.speakOf(r.Family))})
		}
	}
	return out
}
