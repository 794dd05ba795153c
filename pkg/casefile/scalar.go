package casefile

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// wrong is an error at a node, in the form in which yaml.v3 gathers them.
func wrong(n *yaml.Node, format string, args ...any) error {
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: ", n.Line) + fmt.Sprintf(format, args...)}}
}

// Address is one of a host.
type Address struct{ netip.Addr }

// UnmarshalYAML reads an IPv4 or IPv6 address.
func (a *Address) UnmarshalYAML(n *yaml.Node) error {
	v, err := netip.ParseAddr(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		return wrong(n, "%q is no address; write 192.0.2.10 or 2001:db8::10", n.Value)
	}
	a.Addr = v.Unmap().WithZone("")
	return nil
}

// Zone is where local time is kept.
type Zone struct{ *time.Location }

// UnmarshalYAML reads the name of a zone or ±HH:MM.
func (z *Zone) UnmarshalYAML(n *yaml.Node) error {
	l, err := ParseZone(n.Value)
	if err != nil {
		return wrong(n, "%v; write Europe/Madrid or +02:00", err)
	}
	z.Location = l
	return nil
}

// ParseZone reads the name of a zone or ±HH:MM.
func ParseZone(text string) (*time.Location, error) {
	if t, err := time.Parse("-07:00", text); err == nil {
		_, east := t.Zone()
		return time.FixedZone(text, east), nil
	}
	l, err := time.LoadLocation(text)
	if err != nil || text == "" || text == "Local" {
		return nil, fmt.Errorf("unknown zone %q", text)
	}
	return l, nil
}

// Offset is how far a clock is ahead of the reference.
type Offset time.Duration

// mostOffset bounds it to what a stamp can be moved by, seconds.
const mostOffset = 9e9

// UnmarshalYAML reads seconds, or a number with its unit.
func (o *Offset) UnmarshalYAML(n *yaml.Node) error {
	v, err := ParseOffset(n.Value)
	if err != nil {
		return wrong(n, "%v", err)
	}
	*o = Offset(v)
	return nil
}

// MarshalYAML writes seconds.
func (o Offset) MarshalYAML() (any, error) {
	return strconv.FormatFloat(time.Duration(o).Seconds(), 'f', 9, 64), nil
}

// Time is an instant.
type Time time.Time

// UnmarshalYAML reads an instant with its zone.
func (t *Time) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.Parse(time.RFC3339Nano, n.Value)
	if err != nil {
		return wrong(n, "%q is no instant; write 2026-01-15T10:00:00.5Z", n.Value)
	}
	*t = Time(v)
	return nil
}

// MarshalYAML writes it as it is read.
func (t Time) MarshalYAML() (any, error) { return time.Time(t).Format(time.RFC3339Nano), nil }

// ParseOffset reads ±seconds, or a number with its unit: "+2.5", "-300ms".
func ParseOffset(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds < mostOffset && seconds > -mostOffset {
		return time.Duration(seconds * 1e9), nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return d, nil
	}
	return 0, fmt.Errorf("%q is no offset; write +2.5s where the clock is two and a half seconds ahead", text)
}

// Quantity is a figure of a rule: a number, a share, or seconds.
type Quantity float64

// UnmarshalYAML reads 4, 0.25, "20 %" or "250ms".
func (q *Quantity) UnmarshalYAML(n *yaml.Node) error {
	text := n.Value
	share, percent := strings.CutSuffix(text, "%")
	if v, err := strconv.ParseFloat(strings.TrimSpace(share), 64); err == nil && v >= 0 && v < 1e18 {
		*q = Quantity(v)
		if percent {
			*q /= 100
		}
		return nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		*q = Quantity(d.Seconds())
		return nil
	}
	return wrong(n, "%q is no figure; write 4, 0.25, 20 %% or 250ms", text)
}

// Role is what a host does in the case.
type Role string

// Router is the role of a host through which others speak: what it captured was
// taken on the way, at neither end.
const Router Role = "router"

var roles = []string{"client", "server", "resolver", "proxy", "time-server", string(Router)}

// UnmarshalYAML reads one of the roles.
func (r *Role) UnmarshalYAML(n *yaml.Node) error {
	for _, known := range roles {
		if n.Value == known {
			*r = Role(known)
			return nil
		}
	}
	return wrong(n, "unknown role %q%s", n.Value, meant(n.Value, roles))
}

// FormatName is one of the formats of logs and texts.
type FormatName string

// UnmarshalYAML reads the name of a format.
func (f *FormatName) UnmarshalYAML(n *yaml.Node) error {
	if logparse.ByName(n.Value) == nil {
		var names []string
		for _, known := range logparse.Formats() {
			names = append(names, known.Name)
		}
		return wrong(n, "unknown format %q%s", n.Value, meant(n.Value, names))
	}
	*f = FormatName(n.Value)
	return nil
}

// Patterns are names of files with *, ? and […]. One without a slash is
// compared with the last part of a path, one that begins with ./ lies at the top.
type Patterns []string

// ExactPattern matches the file of a path alone.
func ExactPattern(file string) string {
	return "./" + strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(file)
}

// UnmarshalYAML reads one pattern or several.
func (p *Patterns) UnmarshalYAML(n *yaml.Node) error {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	for _, one := range list {
		if _, err := path.Match(one.Value, ""); one.Kind != yaml.ScalarNode || err != nil || one.Value == "" {
			return wrong(one, "%q is no pattern of file names; write access.log* or web/*.log", one.Value)
		}
		*p = append(*p, one.Value)
	}
	return nil
}

// Match tells whether a file is meant.
func (p Patterns) Match(file string) bool {
	for _, pattern := range p {
		name := file
		if !strings.Contains(pattern, "/") {
			name = path.Base(file)
		}
		if ok, _ := path.Match(strings.TrimPrefix(pattern, "./"), name); ok {
			return true
		}
	}
	return false
}
