package compare

import (
	"net/netip"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/report"
)

// Key puts a journey into a group, or says why it belongs to none.
type Key struct {
	Name string
	of   func(j *report.Journey) (group, reason string)
}

// Keys are all that --by knows.
var Keys = []Key{
	{"repetition", repetition},
	{"ip-version", func(j *report.Journey) (string, string) {
		a, ok := addressOf(j.Client)
		switch {
		case !ok:
			return "", "no-address"
		case a.Unmap().Is4():
			return "IPv4", ""
		}
		return "IPv6", ""
	}},
	{"transport", func(j *report.Journey) (string, string) {
		if j.Transport == "" {
			return "", "no-transport"
		}
		return strings.ToUpper(j.Transport), ""
	}},
	{"server", func(j *report.Journey) (string, string) {
		if j.Server == "" {
			return "", "no-address"
		}
		return j.Server, ""
	}},
	{"name-or-address", nameOrAddress},
	{"tls-resumed", func(j *report.Journey) (string, string) {
		switch {
		case j.TLS == nil:
			return "", "no-tls"
		case j.TLS.Resumed:
			return "resumed", ""
		}
		return "full handshake", ""
	}},
	{"hour", func(j *report.Journey) (string, string) {
		at := j.Start
		if j.StartCorrected != nil {
			at = *j.StartCorrected
		}
		return time.Unix(0, int64(at)).UTC().Format("2006-01-02 15") + "h", ""
	}},
	{"client", func(j *report.Journey) (string, string) {
		a, ok := addressOf(j.Client)
		if !ok {
			return "", "no-address"
		}
		return a.String(), ""
	}},
}

// KeyNamed finds a key; nil: there is none of that name.
func KeyNamed(name string) *Key {
	for i := range Keys {
		if Keys[i].Name == name {
			return &Keys[i]
		}
	}
	return nil
}

// repetition groups by what was asked: the same action, again and again.
func repetition(j *report.Journey) (string, string) {
	what := j.Name
	if what == "" {
		what = j.Server
	}
	if j.Request != nil && j.Request.Path != "" {
		what += " " + strings.TrimSpace(j.Request.Method+" "+j.Request.Path)
	}
	return strings.TrimSpace(j.Service + " " + what), ""
}

// nameOrAddress tells whether the client looked the server up.
func nameOrAddress(j *report.Journey) (string, string) {
	if j.Service == "dns" || j.Service == "ntp" {
		return "", "no-address"
	}
	for _, p := range j.Phases {
		if p.Name == "dns.lookup" && p.Outcome != "unseen" {
			return "by name", ""
		}
	}
	if _, err := netip.ParseAddr(j.Name); j.Name == "" || err == nil {
		return "by address", ""
	}
	return "by name, not looked up", ""
}

func addressOf(endpoint string) (netip.Addr, bool) {
	a, _, ok := report.SplitEndpoint(endpoint)
	return a, ok
}
