package diagnose

import (
	"github.com/flowcorr/flowcorr/pkg/correlate"
)

// connectionLost are the rules about a connection that the network broke: what
// they explain of a journey, no rule about waiting, loss or giving up need say.
var connectionLost = []string{"mtu-black-hole", "ssh-kex-stall", "accept-queue-full", "syn-queue-full", "refused-by-network", "routing-loop", "injected-reset", "nat-state-lost", "fell-silent"}

// lost are the rules about lost segments that name where they were lost.
var lost = []string{"syn-lost", "loss-in-handshake", "loss-in-response"}

// consequences lists, for a rule, the rules that are its causes where both
// speak of the same journey. Causes are checked first.
var consequences = map[string][]string{
	"dns-never-reached-resolver": {"refused-by-network", "dns-parallel-query-lost"},
	"dns-retry":                  {"refused-by-network", "routing-loop", "dns-never-reached-resolver", "dns-unreachable", "dns-parallel-query-lost", "dns-large-answer-lost"},
	"dns-unreachable":            {"dns-never-reached-resolver", "refused-by-network", "routing-loop"},
	"accept-queue-full":          {"mtu-black-hole", "ssh-kex-stall", "refused-by-network", "injected-reset", "syn-queue-full"},
	"ssh-kex-stall":              {"mtu-discovered-late"},
	"mtu-black-hole":             {"mtu-discovered-late", "ssh-kex-stall"},
	"connection-refused":         {"refused-by-network"},
	"fell-silent":                {"mtu-black-hole", "ssh-kex-stall", "refused-by-network", "nat-state-lost", "tls-large-hello-dropped"},
	"neighbour-wait":             {"refused-by-network"},
	"syn-held":                   append([]string{"neighbour-wait"}, connectionLost...),
	"syn-lost":                   append([]string{"neighbour-wait"}, connectionLost...),
	"syn-unanswered":             append([]string{"neighbour-wait", "happy-eyeballs"}, connectionLost...),
	"loss-in-handshake":          append([]string{"syn-lost", "mtu-discovered-late", "tls-large-hello-dropped"}, connectionLost...),
	"loss-in-response":           append([]string{"mtu-discovered-late", "bufferbloat"}, connectionLost...),
	"loss-stall":                 append(append([]string{"mtu-discovered-late", "tls-large-hello-dropped", "ssh-slow-delivery", "bufferbloat"}, connectionLost...), lost...),
	"reordering":                 connectionLost,
	"spurious-retransmission":    connectionLost,
	"refused-by-network":         {"quic-blocked"},
	"tls-alert":                  {"tls-certificate-time", "tls-wrong-protocol"},
	"tls-silent":                 append([]string{"tls-large-hello-dropped", "server-limit"}, connectionLost...),
	"dtls-unanswered":            {"neighbour-wait", "refused-by-network", "routing-loop"},
	"tls-slow-server":            connectionLost,
	"app-slow":                   append([]string{"upstream-error", "server-limit"}, connectionLost...),
	"window-limited":             {"bufferbloat"},
	"path-full":                  append(append([]string{"mtu-discovered-late", "bufferbloat", "window-limited", "receiver-limited", "loss-stall"}, connectionLost...), lost...),
	"slow-body":                  append([]string{"path-full", "window-limited", "bufferbloat", "server-hung-up"}, connectionLost...),
	"slow-upload":                append([]string{"receiver-limited"}, connectionLost...),
	"queue-before-app":           append([]string{"server-limit"}, connectionLost...),
	"slow-delivery":              append(append([]string{"mtu-discovered-late", "bufferbloat", "loss-stall", "http2-head-of-line"}, connectionLost...), lost...),
	"client-gave-up":             append([]string{"stale-keepalive", "server-limit", "upstream-error"}, connectionLost...),
	"server-hung-up":             append([]string{"stale-keepalive", "server-limit", "upstream-error", "tls-alert", "tls-certificate-time", "tls-wrong-protocol", "connection-refused"}, connectionLost...),
	"ssh-late-banner":            connectionLost,
	"ssh-shed":                   connectionLost,
	"nat-state-lost":             {"mtu-black-hole", "ssh-kex-stall", "refused-by-network"},
	"injected-reset":             {"nat-state-lost"},
	"ssh-slow-kex":               append(append([]string{}, connectionLost...), lost...),
	"ssh-auth-backend":           {"ssh-reverse-dns", "neighbour-wait"},
	"ssh-slow-delivery":          append(append([]string{}, connectionLost...), lost...),
	"receiver-limited":           connectionLost,
	"slow-start":                 append([]string{"path-full"}, lost...),
	"http2-head-of-line":         connectionLost,
}

// checkOrder is the catalogue with every cause before its consequences.
func checkOrder(all []*Rule) []*Rule {
	byName := map[string]*Rule{}
	for _, r := range all {
		byName[r.Name] = r
	}
	done := map[string]bool{}
	var order []*Rule
	var visit func(r *Rule)
	visit = func(r *Rule) {
		if done[r.Name] {
			return
		}
		done[r.Name] = true
		for _, cause := range consequences[r.Name] {
			if byName[cause] != nil {
				visit(byName[cause])
			}
		}
		order = append(order, r)
	}
	// healthy speaks of all the others.
	for _, r := range all {
		visit(r)
	}
	return order
}

// open lists the journeys that a rule may speak of: those that no finding of
// its causes explains already.
func (c *Case) open(r *Rule) []*correlate.Journey {
	causes := consequences[r.Name]
	if len(causes) == 0 || len(c.explained) == 0 {
		return c.Journeys
	}
	var list []*correlate.Journey
	for _, j := range c.Journeys {
		if !c.explainedBy(j, causes) {
			list = append(list, j)
		}
	}
	return list
}

func (c *Case) explainedBy(j *correlate.Journey, causes []string) bool {
	said := c.explained[j]
	for _, cause := range causes {
		if said[cause] {
			return true
		}
	}
	return false
}

// explain notes which journeys a finding explains.
func (c *Case) explain(f *Finding) {
	if f.Confidence <= Low {
		return // too weak to make another rule silent
	}
	for _, j := range f.Journeys {
		if c.explained[j] == nil {
			c.explained[j] = map[string]bool{}
		}
		c.explained[j][f.Rule] = true
	}
}
