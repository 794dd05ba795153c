package diagnose

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var limitNear = &Threshold{"near", 2, "s", lang.Text{EN: "how near in the server's own time an answer 5xx lies to the line that says why", ES: "cómo de cerca, en la hora del propio servidor, está una respuesta 5xx de la línea que dice por qué"}}

var serverLimit = Rule{
	Name: "server-limit", Family: "web",
	Title: lang.Text{EN: "The server reached a limit", ES: "El servidor llegó a un límite"},
	Doc: lang.Text{
		EN: "The server's own log says that it had no file descriptors, connections or workers left, or that it refused or held back requests by a limit that it was told to keep (nginx: limit_req, limit_conn). Raise the limit it names, or find what uses it up.",
		ES: "El registro del propio servidor dice que no le quedaban descriptores, conexiones o procesos, o que rechazó o retuvo peticiones por un límite que se le dijo que guardara (nginx: limit_req, limit_conn). Suba el límite que nombra o busque qué lo agota.",
	},
	Source:     "nginx, worker_connections, limit_req, limit_conn; Apache, MaxRequestWorkers; getrlimit(2)",
	Needs:      lang.Text{EN: "the server's error log", ES: "el registro de errores del servidor"},
	Wants:      []*Want{wantErrorLog},
	Thresholds: []*Threshold{limitNear},
	Refuters: []lang.Text{
		{EN: "no such message in the time of the incident", ES: "ningún mensaje así en el tiempo de la incidencia"},
	},
	Check: checkServerLimit,
}

func checkServerLimit(c *Case, r *Rule) []Finding {
	found := c.logFinding(r, lang.Text{
		EN: "The server reached a limit, %d time{|s}: %q",
		ES: "El servidor llegó a un límite, %d {vez|veces}: %q",
	}, func(e *logparse.Event) bool { return limitReached(e.Text) })
	answered := c.limitAnswers()
	var journeys map[*logparse.Event]*correlate.Journey
	if len(answered) > 0 {
		journeys = c.journeysOf(serverSide)
	}
	for i := range found {
		f := &found[i]
		f.Journeys = c.turnedDown(f.Evidence[0].File)
		if n := len(f.Journeys); n > 0 {
			f.Severity, f.Confidence = Error, High
			f.Text += c.say(lang.Text{
				EN: "; it took %d connection{|s} and ended {it|them} without a word",
				ES: "; tomó %d {conexión|conexiones} y {la|las} terminó sin una palabra",
			}, n)
		}
		refused, delayed := 0, 0
		for _, a := range answered {
			if a.limit.File == f.Evidence[0].File {
				if a.delayed {
					delayed++
				} else {
					refused++
				}
				f.Evidence = append(f.Evidence, lines(a.log, a.event))
				if j := journeys[&a.log.Events[a.event]]; j != nil && !slices.Contains(f.Journeys, j) {
					f.Journeys = append(f.Journeys, j)
				}
			}
		}
		if refused > 0 {
			f.Text += c.say(lang.Text{EN: "; %d request{ was|s were} answered with an error for it", ES: "; %d {petición recibió|peticiones recibieron} por ello un error"}, refused)
		}
		if delayed > 0 {
			f.Confidence = High
			f.Text += c.say(lang.Text{EN: "; it held back %d request{|s}", ES: "; retuvo %d {petición|peticiones}"}, delayed)
		}
		if len(f.Journeys) > 0 || refused+delayed > 0 {
			f.Text += "."
		}
		for n, j := range f.Journeys {
			f.Lost += length(j)
			if n < maxProven {
				f.Evidence = append(f.Evidence, phaseFrames(j, string(pcapflow.TCPConnect))...)
			}
		}
		f.Evidence = merge(f.Evidence)
		f.Refuters = c.doubts(r, notFound)
	}
	return found
}

// limitAnswer is a line of an access log that a line of an error log about a limit
// explains: an answer 5xx, or a request that was held back.
type limitAnswer struct {
	limit   *incident.Log
	log     *incident.Log
	event   int
	delayed bool
}

// request is what an error line tells of the request it is about.
type request struct {
	client netip.Addr
	path   string
}

// limitAnswers pairs the lines about a limit that name a client and a path with
// the answers 5xx of the same client and path that the same host logged then; what was
// held back is written when it came, its own line when it was answered.
func (c *Case) limitAnswers() []limitAnswer {
	if c.limited == nil {
		answers := c.findLimitAnswers()
		c.limited = &answers
	}
	return *c.limited
}

func (c *Case) findLimitAnswers() []limitAnswer {
	type line struct {
		log   *incident.Log
		event int
	}
	var limits []line
	for _, l := range c.Incident.Logs {
		for i := range l.Events {
			if e := &l.Events[i]; e.Kind == logparse.HTTPError && e.Path != "" && e.Client.Addr().IsValid() && limitReached(e.Text) {
				limits = append(limits, line{l, i})
			}
		}
	}
	if len(limits) == 0 {
		return nil
	}
	logged := map[request][]line{}
	for _, l := range c.Incident.Logs {
		for i := range l.Events {
			if e := &l.Events[i]; e.Kind == logparse.HTTPRequest {
				k := request{e.Client.Addr(), e.Path}
				logged[k] = append(logged[k], line{l, i})
			}
		}
	}
	at := func(x line) int64 { return came(&x.log.Events[x.event]) }
	for _, list := range logged {
		slices.SortStableFunc(list, func(a, b line) int { return cmp.Compare(at(a), at(b)) })
	}
	near := int64(c.limit(c.rules["server-limit"], limitNear))
	var out []limitAnswer
	taken := map[line]bool{}
	for _, x := range limits {
		e := &x.log.Events[x.event]
		delayed := strings.Contains(e.Text, heldBack)
		list := logged[request{e.Client.Addr(), e.Path}]
		first := sort.Search(len(list), func(i int) bool { return at(list[i]) >= e.Time-near })
		for _, a := range list[first:] {
			if at(a) > e.Time+near {
				break
			}
			e := &a.log.Events[a.event]
			if fits := delayed || e.Status >= 500; fits && !taken[a] && c.clockOf(a.log.File) == c.clockOf(x.log.File) {
				taken[a] = true
				out = append(out, limitAnswer{x.log, a.log, a.event, delayed})
				break
			}
		}
	}
	return out
}

// came is when the request of a line came, as far as the line tells; else its stamp.
func came(e *logparse.Event) int64 {
	if e.Means != logparse.RequestStart && e.Duration > 0 {
		return e.Time - int64(e.Duration)
	}
	return e.Time
}

// journeysOf are the journeys of the lines matched to one, of some logs.
func (c *Case) journeysOf(some func(*incident.Log) bool) map[*logparse.Event]*correlate.Journey {
	journeys := map[*logparse.Event]*correlate.Journey{}
	for _, j := range c.Journeys {
		for _, l := range j.Lines {
			if e := &l.Log.Events[l.Event]; l.Status == "matched" && journeys[e] == nil && some(l.Log) {
				journeys[e] = j
			}
		}
	}
	return journeys
}

// turnedDown are the connections that a server's host took and its program
// ended without a word: of the servers whose log lines the clock of a file wrote.
func (c *Case) turnedDown(file *incident.File) []*correlate.Journey {
	own := c.clockOf(file)
	servers := map[netip.AddrPort]bool{}
	for _, j := range c.Journeys {
		for _, l := range j.Lines {
			if own != nil && l.Status == "matched" && serverSide(l.Log) && c.clockOf(l.Log.File) == own {
				servers[j.Server] = true
			}
		}
	}
	var out []*correlate.Journey
	for _, j := range c.Journeys {
		f, n := flow(j), connection(j)
		if n != nil && servers[j.Server] && n.ACK.Seen() && f.Payload[pcapflow.Client] > 0 && f.Payload[pcapflow.Server] == 0 && (n.FIN[pcapflow.Server].Seen() || len(n.RST) > 0) {
			out = append(out, j)
		}
	}
	return out
}

// heldBack is what nginx writes of a request that limit_req lets wait.
const heldBack = "delaying request, excess"

// limitWords are what servers write when they have no room left, or keep a limit.
var limitWords = []string{
	heldBack, "limiting requests, excess", "limiting connections by zone",
	"Too many open files", "worker_connections are not enough", "AH00161", "AH00484", "server reached MaxRequestWorkers",
	"server reached MaxClients", "accept4() failed (24", "accept() failed (24", "nf_conntrack: table full",
}

func limitReached(text string) bool {
	for _, w := range limitWords {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
