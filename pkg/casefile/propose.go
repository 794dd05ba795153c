package casefile

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// Proposal is what evidence suggests for a case file. What is certain enough
// stands in it; what only who reads it can tell stands as a comment.
type Proposal struct {
	Hosts   []ProposedHost
	NAT     [][2]netip.Addr // inside, outside
	Formats []ProposedFormat
}

// ProposedHost is a host that the evidence shows.
type ProposedHost struct {
	Name      string
	Addresses []netip.Addr
	Role      Role
	Aliases   []string
	Zone      string // ±HH:MM as its lines state it; "": unknown
	Guessed   bool   // the zone is inferred
	Offset    string // as measured, with its bounds; "": not measured
}

// ProposedFormat is a file of which it is worth to say what it is.
type ProposedFormat struct {
	File   string
	Format string // as it was taken; "": not recognised
	Other  string // the runner-up
}

// Write writes a proposal as a case file with remarks in one language.
func (p *Proposal) Write(out io.Writer, l lang.Lang) error {
	w := &writer{out: out, lang: l}
	w.line("%s", w.say(lang.Text{
		EN: "# A proposal made from the evidence: delete what is not so, and save it as\n# %s beside the evidence. Lines behind # are suggestions.",
		ES: "# Una propuesta hecha con las pruebas: borre lo que no sea así y guárdela como\n# %s junto a las pruebas. Las líneas tras # son sugerencias."}, Name))
	w.line("")
	w.line("# reference: client.pcap     # %s", w.say(lang.Text{EN: "the clock that corrected instants are on", ES: "el reloj en que están los instantes corregidos"}))
	w.hosts(p.Hosts)
	w.line("")
	if len(p.NAT) == 0 {
		w.line("# nat:")
		w.line("#   - {inside: 10.0.0.5, outside: 203.0.113.7}")
	} else {
		w.line("nat:")
		for _, t := range p.NAT {
			w.line("  - {inside: %s, outside: %s}", address(t[0]), address(t[1]))
		}
	}
	w.line("")
	w.line("# proxies:")
	w.line("#   - {address: 192.0.2.20, backends: [192.0.2.10]}")
	w.line("")
	w.formats(p.Formats)
	w.line("")
	w.line("# thresholds:                # %s", w.say(lang.Text{EN: "flowcorr rules NAME lists those of a rule", ES: "flowcorr rules NOMBRE enumera los de una regla"}))
	w.line("#   app-slow: {slow: 250ms}")
	w.line("")
	w.line("# budgets:                   # %s", w.say(lang.Text{EN: "how long a phase may take", ES: "cuánto puede durar una fase"}))
	w.line("#   dns.lookup: 50ms")
	w.line("#   http.wait: 800ms")
	return w.err
}

// writer keeps the first error.
type writer struct {
	out  io.Writer
	lang lang.Lang
	err  error
}

func (w *writer) say(t lang.Text, args ...any) string { return fmt.Sprintf(t.In(w.lang), args...) }

func (w *writer) line(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.out, format+"\n", args...)
	}
}

func (w *writer) hosts(list []ProposedHost) {
	if len(list) == 0 {
		w.line("# hosts:")
		w.line("#   web: {addresses: [192.0.2.10], zone: Europe/Madrid}")
		return
	}
	w.line("hosts:")
	for _, h := range list {
		w.line("  %s:", text(h.Name))
		if len(h.Addresses) > 0 {
			var all []string
			for _, a := range h.Addresses {
				all = append(all, address(a))
			}
			w.line("    addresses: [%s]", strings.Join(all, ", "))
		} else {
			w.line("    # addresses: []")
		}
		if h.Role != "" {
			w.line("    role: %s", h.Role)
		}
		if len(h.Aliases) > 0 {
			var all []string
			for _, a := range h.Aliases {
				all = append(all, text(a))
			}
			w.line("    aliases: [%s]", strings.Join(all, ", "))
		}
		switch {
		case h.Zone == "":
			w.line("    # zone: Europe/Madrid")
		case h.Guessed:
			w.line("    # zone: %q      # %s", h.Zone, w.say(lang.Text{EN: "inferred", ES: "deducido"}))
		default:
			w.line("    zone: %q        # %s", h.Zone, w.say(lang.Text{EN: "as its lines state", ES: "como dicen sus líneas"}))
		}
		if h.Offset != "" {
			w.line("    # offset: %s", h.Offset)
		}
	}
}

func (w *writer) formats(list []ProposedFormat) {
	if len(list) == 0 {
		w.line("# formats:")
		w.line("#   - files: web/access.log*")
		w.line("#     log_format: '$remote_addr [$time_local] \"$request\" $status $request_time'")
		return
	}
	w.line("# formats:")
	for _, f := range list {
		w.line("#   - files: %s", text(f.File))
		switch {
		case f.Format == "":
			w.line("#     format:             # %s", w.say(lang.Text{EN: "not recognised", ES: "no se reconoce"}))
		case f.Other != "":
			w.line("#     format: %s   # %s", f.Format, w.say(lang.Text{EN: "as it was taken; %s came second", ES: "por el que se tomó; el segundo fue %s"}, f.Other))
		default:
			w.line("#     format: %s   # %s", f.Format, w.say(lang.Text{EN: "as it was taken", ES: "por el que se tomó"}))
		}
		if strings.HasSuffix(f.Format, "-access") || f.Format == "" {
			w.line("#     log_format: ''      # %s", w.say(lang.Text{EN: "nginx's string, or LogFormat: for Apache's", ES: "la cadena de nginx, o LogFormat: para la de Apache"}))
		}
	}
}

// address is one as YAML takes it: one of IPv6 in quotation marks.
func address(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	return strconv.Quote(a.String())
}

// text is a string as YAML takes it.
func text(s string) string {
	plain := s != ""
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		plain = plain && (letter || i > 0 && (c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' || c == '/'))
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		plain = false
	}
	if plain {
		return s
	}
	return strconv.Quote(strings.ToValidUTF8(s, "\uFFFD"))
}

// FormatZone writes seconds east of UTC as ±HH:MM.
func FormatZone(east int) string {
	return time.Time{}.In(time.FixedZone("", east)).Format("-07:00")
}
