package pcapflow

import (
	"net/url"
	"strings"
)

// longestChain is how far back a chain of redirects is looked at: browsers give up
// after twenty (Fetch standard, section 4.4).
const longestChain = 64

// tellRounds notes how the exchanges of a connection follow from each other: the
// rounds of an authentication (RFC 9110 section 11, RFC 4559), and redirects that go
// round (section 15.4).
func tellRounds(list []Exchange) {
	chain := 0 // where the redirects begin that the exchange at hand belongs to
	for i := 1; i < len(list); i++ {
		e, before := &list[i], &list[i-1]
		if e.sameRequest(before) && (before.Status == 401 || before.Status == 407) {
			e.AuthRounds = before.AuthRounds + 1
		}
		if !before.leadsTo(e) {
			chain = i
			continue
		}
		for k := max(chain, i-longestChain); k < i && e.Redirects(); k++ {
			if list[k].sameRequest(e) && list[k].Location == e.Location {
				e.Looped = true
			}
		}
	}
}

func (e *Exchange) sameRequest(x *Exchange) bool {
	return e.Path != "" && e.Path == x.Path && e.Host == x.Host && e.Method == x.Method
}

// Redirects tells whether the answer points elsewhere (RFC 9110 section 15.4).
func (e *Exchange) Redirects() bool {
	return e.Status >= 300 && e.Status < 400 && e.Location != "" && e.Path != ""
}

// leadsTo tells whether e is a redirect and x asks for where it points.
func (e *Exchange) leadsTo(x *Exchange) bool {
	if !e.Redirects() || x.Path == "" {
		return false
	}
	from, err := url.Parse(e.whole())
	if err != nil {
		return false
	}
	to, err := from.Parse(e.Location)
	if err != nil {
		return false
	}
	next, err := url.Parse(x.whole())
	return err == nil && strings.EqualFold(to.Host, next.Host) && to.RequestURI() == next.RequestURI()
}

// whole is what e asks for as one URL, its scheme aside; a proxy is asked so.
func (e *Exchange) whole() string {
	if strings.Contains(e.Path, "://") {
		return e.Path
	}
	return "http://" + e.Host + e.Path
}
