package diagnose

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

var (
	severalUsers     = &Threshold{"users", 3, "", lang.Text{EN: "as how many users one address must have failed for its attempts to be told together", ES: "como cuántos usuarios debe haber fallado una dirección para que sus intentos se cuenten juntos"}}
	severalAddresses = &Threshold{"addresses", 5, "", lang.Text{EN: "how many addresses must have failed at one server for their attempts to be told together", ES: "cuántas direcciones deben haber fallado en un servidor para que sus intentos se cuenten juntos"}}
	guessedNames     = &Threshold{"guessed", 10, "", lang.Text{EN: "how many users or addresses, none of which was accepted, are no longer called mistyped", ES: "cuántos usuarios o direcciones, ninguno aceptado, ya no se toman por errores al teclear"}}
)

var sshAuthFailed = Rule{
	Name: "ssh-auth-failed", Family: "ssh",
	Title: lang.Text{EN: "SSH authentication failed", ES: "Falló la autenticación SSH"},
	Doc: lang.Text{
		EN: "The server turned down one or more attempts to log in. The log names user and address; in packets the rounds show by their sizes. Attempts of one address as several users are one finding, and so are those of several addresses at one server: somebody guesses names and passwords. Whether an address that failed was accepted as well is said.",
		ES: "El servidor rechazó uno o más intentos de acceso. El registro nombra usuario y dirección; en los paquetes las rondas se ven por su tamaño. Los intentos de una dirección como varios usuarios son un solo hallazgo, y también los de varias direcciones en un servidor: alguien prueba nombres y contraseñas. Se dice si una dirección que falló también fue aceptada.",
	},
	Source:     "RFC 4252, section 5.1",
	Needs:      lang.Text{EN: "sshd's log, or a capture with the login", ES: "el registro de sshd o una captura con el acceso"},
	Wants:      []*Want{wantSSHLog, wantSSHLogins},
	Thresholds: []*Threshold{severalUsers, severalAddresses, guessedNames},
	Refuters: []lang.Text{
		{EN: "the same connection was accepted afterwards", ES: "la misma conexión fue aceptada después"},
		{EN: "every attempt was accepted", ES: "se aceptaron todos los intentos"},
	},
	Check: checkSSHAuthFailed,
}

func checkSSHAuthFailed(c *Case, r *Rule) []Finding {
	var out []Finding
	logins := map[netip.AddrPort][]int{} // indices of journeys, by what the client is known by
	for i, j := range c.Journeys {
		if j.Service != "ssh" {
			continue
		}
		logins[j.Client] = append(logins[j.Client], i)
		if j.ClientSeen.IsValid() && j.ClientSeen != j.Client {
			logins[j.ClientSeen] = append(logins[j.ClientSeen], i)
		}
	}
	for _, f := range c.guesses(r, sshFailures(c, r)) {
		find := Finding{Severity: Warning, Confidence: High, Evidence: slices.Clone(f.logs)}
		var failed []int
		for from := range f.connections {
			failed = append(failed, logins[from]...)
		}
		for n, i := range sorted(failed) {
			find.Journeys = append(find.Journeys, c.Journeys[i])
			if n < maxProven {
				find.Evidence = append(find.Evidence, phaseFrames(c.Journeys[i], string(pcapflow.SSHAuth))...)
			}
		}
		find.Text = c.failuresSentence(r, f)
		if !f.accepted {
			find.Text += c.acceptedBesides(f, &find)
		} else {
			find.Severity = Note
		}
		find.Evidence = merge(find.Evidence)
		find.Refuters = c.doubts(r, foundIf(f.accepted))
		out = append(out, find)
	}
	if len(out) == 0 {
		out = packetFailures(c, r)
	}
	return out
}

// failuresSentence counts attempts, addresses, users, connections and the time
// in which they came.
func (c *Case) failuresSentence(r *Rule, f *failures) string {
	clients := make([]string, len(f.clients))
	for i, a := range f.clients {
		clients[i] = a.String()
	}
	users := make([]string, len(f.users))
	for i, u := range f.users {
		users[i] = strconv.Quote(shorten(u, maxName))
	}
	text := c.say(lang.Text{
		EN: "%d failed SSH login{|s} from %s as %s, over %d connection{|s}",
		ES: "%d acceso{|s} SSH fallido{|s} desde %s como %s, en %d {conexión|conexiones}",
	}, f.most,
		c.counted(clients, lang.Text{EN: "%d addresses (%s)", ES: "%d direcciones (%s)"}),
		c.counted(users, lang.Text{EN: "%d users (%s)", ES: "%d usuarios (%s)"}), len(f.connections))
	if many := max(len(users), len(clients)); many > 1 {
		if lasted := time.Duration(f.last - f.first); f.timed && lasted > 0 {
			text += c.say(lang.Text{EN: " in %s", ES: " en %s"}, lasted)
		}
		if many >= c.count(r, guessedNames) {
			text += c.say(lang.Text{EN: ": so many are guessed, not mistyped", ES: ": tantos se prueban a ciegas, no son errores al teclear"})
		}
	}
	return text + "."
}

// counted writes the only one of some names, or their number and the first few.
func (c *Case) counted(names []string, several lang.Text) string {
	if len(names) == 1 {
		return names[0]
	}
	shown := strings.Join(names[:min(len(names), maxNamed)], ", ")
	if len(names) > maxNamed {
		shown += ", …"
	}
	return c.say(several, len(names), shown)
}

// acceptedBesides tells of logins that were accepted from an address that
// guessed, and adds their lines to the evidence.
func (c *Case) acceptedBesides(f *failures, find *Finding) string {
	if f.named == nil {
		return "" // somebody mistyped, and came in another time
	}
	var users []string
	known, from := map[any]bool{}, map[netip.Addr]bool{}
	for _, a := range f.clients {
		from[a] = true
	}
	for _, l := range c.Incident.Logs {
		var found []int
		for i := range l.Events {
			if e := &l.Events[i]; e.Kind == logparse.SSHAccepted && from[e.Client.Addr()] {
				found = append(found, i)
				users = news(known, users, []string{strconv.Quote(shorten(e.User, maxName))})
			}
		}
		if len(found) > 0 {
			find.Evidence = append(find.Evidence, lines(l, found...))
		}
	}
	if len(users) == 0 {
		return ""
	}
	return " " + c.say(lang.Text{EN: "From there a login was accepted, as %s.", ES: "Desde ahí se aceptó un acceso, como %s."},
		c.counted(users, lang.Text{EN: "%d users (%s)", ES: "%d usuarios (%s)"}))
}

// failures of logins that are told together, as the logs that hold them tell.
type failures struct {
	clients     []netip.Addr
	users       []string
	logs        []Evidence
	server      *incident.Log // the first log that holds them
	most        int           // events of the log that holds most: the others are other forms of it
	accepted    bool          // each of the connections was, afterwards
	connections map[netip.AddrPort]bool
	first, last int64 // nanoseconds, as one log's clock writes them
	timed       bool
	named       map[any]bool // clients and users; nil where no others have joined
}

// guesses joins the failures of one client as several users, then those of
// several clients at one server. Whoever was accepted afterwards mistyped, and
// is told alone.
func (c *Case) guesses(r *Rule, all []*failures) []*failures {
	all = joined(all, c.count(r, severalUsers), func(f *failures) any { return f.clients[0] })
	return joined(all, c.count(r, severalAddresses), func(f *failures) any { return f.server })
}

// joined makes one of those never accepted that share a key, where that many
// do. Where it makes one, it has the place of the first.
func joined(all []*failures, least int, key func(*failures) any) []*failures {
	alike := map[any]int{}
	for _, f := range all {
		if !f.accepted {
			alike[key(f)]++
		}
	}
	var out []*failures
	whole := map[any]*failures{}
	for _, f := range all {
		k := key(f)
		switch {
		case f.accepted || alike[k] < max(least, 2):
			out = append(out, f)
		case whole[k] == nil:
			whole[k] = f
			out = append(out, f)
		default:
			whole[k].join(f)
		}
	}
	for _, f := range whole {
		f.logs = merge(f.logs)
	}
	return out
}

// join adds the failures of others to these.
func (f *failures) join(other *failures) {
	if f.named == nil {
		f.named = map[any]bool{}
		for _, a := range f.clients {
			f.named[a] = true
		}
		for _, u := range f.users {
			f.named[u] = true
		}
	}
	f.clients = news(f.named, f.clients, other.clients)
	f.users = news(f.named, f.users, other.users)
	f.logs = append(f.logs, other.logs...)
	f.most += other.most
	for from := range other.connections {
		f.connections[from] = true
	}
	if f.timed = f.timed && other.timed && f.server == other.server; f.timed {
		f.first, f.last = min(f.first, other.first), max(f.last, other.last)
	}
}

// news appends those that are not known yet.
func news[T comparable](known map[any]bool, to, from []T) []T {
	for _, x := range from {
		if !known[x] {
			known[x] = true
			to = append(to, x)
		}
	}
	return to
}

// sshFailures groups the logs' failures by address and user. Public keys that
// were tried before the one that fits are no failures anybody waited for:
// sshd does not log those at its default level. A user that sshd does not know
// has failed also where it went on to log nothing else, as it does where
// passwords are not taken.
func sshFailures(c *Case, r *Rule) []*failures {
	var all []*failures
	index := map[string]*failures{}
	for _, l := range c.Incident.Logs {
		accepted, failed := map[netip.AddrPort]bool{}, map[netip.AddrPort]bool{}
		for i := range l.Events {
			switch e := &l.Events[i]; e.Kind {
			case logparse.SSHAccepted:
				accepted[e.Client] = true
			case logparse.SSHFailed:
				failed[e.Client] = true
			}
		}
		left := c.keysTurnedDown(r, l)
		events := map[*failures][]int{}
		var order []*failures
		for i := range l.Events {
			e := &l.Events[i]
			unknown := e.Kind == logparse.SSHInvalidUser && !failed[e.Client]
			if !e.Client.IsValid() || e.Kind != logparse.SSHFailed && !unknown && !(left[e.Client] && leftAuthenticating(e)) {
				continue
			}
			key := e.Client.Addr().String() + " " + e.User
			f := index[key]
			if f == nil {
				f = &failures{clients: []netip.Addr{e.Client.Addr()}, users: []string{e.User}, server: l, connections: map[netip.AddrPort]bool{}, accepted: true,
					first: e.Time, last: e.Time, timed: true}
				index[key] = f
				all = append(all, f)
			}
			if events[f] == nil {
				order = append(order, f)
			}
			events[f] = append(events[f], i)
			f.connections[e.Client] = true
			f.accepted = f.accepted && accepted[e.Client]
			f.timed = f.timed && e.HasTime
			if l == f.server {
				f.first, f.last = min(f.first, e.Time), max(f.last, e.Time)
			}
		}
		for _, f := range order {
			f.logs = append(f.logs, lines(l, events[f]...))
			f.most = max(f.most, len(events[f]))
		}
	}
	return all
}

// packetFailures speaks from packets alone, where no log does.
func packetFailures(c *Case, r *Rule) []Finding {
	var found batches
	for _, j := range c.Journeys {
		if j.SSH != nil && j.SSH.Auth == "failure" && j.SSH.AuthAttempts > 0 {
			found.add(j.Server.String(), hit{journey: j, evidence: phaseFrames(j, string(pcapflow.SSHAuth))})
		}
	}
	return found.telling(Warning, Medium, func(b *batch, f *Finding) {
		f.Text = c.say(lang.Text{
			EN: "%d SSH login{|s} at %s failed, as the sizes of the encrypted answers show.",
			ES: "%d acceso{|s} SSH a %s fall{ó|aron}, según el tamaño de las respuestas cifradas.",
		}, len(b.hits), b.key)
		f.Refuters = c.doubts(r, notCollected("SERVER: journalctl -u ssh -o export WINDOW"))
	})
}
