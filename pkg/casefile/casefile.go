// Package casefile reads flowcorr.yaml, in which whoever holds the evidence says
// what it cannot tell by itself: hosts and their addresses, zones, clocks known
// to be off, formats of logs, address translation, and what counts as slow.
package casefile

import (
	"net/netip"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// Name is what a case file is called in a folder of evidence.
const Name = "flowcorr.yaml"

// File is a case file. Everything in it is optional.
type File struct {
	Reference  string                         `yaml:"reference,omitempty"` // the clock that corrected instants are on
	Hosts      map[string]Host                `yaml:"hosts,omitempty"`
	Captures   []Capture                      `yaml:"captures,omitempty"`
	Clocks     []Reading                      `yaml:"clocks,omitempty"`
	NAT        []Translation                  `yaml:"nat,omitempty"`
	Proxies    []Proxy                        `yaml:"proxies,omitempty"`
	Formats    []Format                       `yaml:"formats,omitempty"`
	Thresholds map[string]map[string]Quantity `yaml:"thresholds,omitempty"` // by rule, then by name
	Budgets    map[string]Quantity            `yaml:"budgets,omitempty"`    // seconds, by phase

	root *yaml.Node // of the text, for Line
}

// Host is a machine of the case, by the name it shall have in the report.
type Host struct {
	Addresses []Address `yaml:"addresses,omitempty"`
	Role      Role      `yaml:"role,omitempty"`
	Aliases   []string  `yaml:"aliases,omitempty"` // names of its folder, and its names in lines
	Zone      Zone      `yaml:"zone,omitempty"`    // of its stamps that carry none
	Offset    *Offset   `yaml:"offset,omitempty"`  // how far its clock is ahead of the reference
}

// Capture says where some captures were taken.
type Capture struct {
	Files   Patterns  `yaml:"files"`
	TakenOn []Address `yaml:"taken_on,flow"` // addresses of that host whose packets they hold
}

// Reading is an offset that was measured elsewhere: at At, by the clock Of, a clock was
// between Low and High ahead of it. It is evidence beside what is in the folder.
type Reading struct {
	Clock string `yaml:"clock"`
	Of    string `yaml:"of"`
	At    Time   `yaml:"at"`
	Low   Offset `yaml:"low"`
	High  Offset `yaml:"high"`
}

// Translation is an address that a router replaces by another.
type Translation struct {
	Inside  Address `yaml:"inside"`
	Outside Address `yaml:"outside"`
}

// Proxy stands between clients and the servers it asks on their behalf.
type Proxy struct {
	Address  Address   `yaml:"address"` // from which it asks
	Backends []Address `yaml:"backends"`
}

// Format says how files are to be read, whatever they look like.
type Format struct {
	Files     Patterns   `yaml:"files"`      // patterns of names, as of a shell
	Format    FormatName `yaml:"format"`     // "": as detected
	LogFormat string     `yaml:"log_format"` // nginx's
	Apache    string     `yaml:"LogFormat"`  // Apache's
	WriteOut  string     `yaml:"write_out"`  // curl's -w
	Host      string     `yaml:"host"`       // whose clock stamped them
	Zone      Zone       `yaml:"zone,omitempty"`
	Year      int        `yaml:"year"` // of the first line
}

// Template is the string to read by, and the server whose it is; "" where none
// is given.
func (f *Format) Template() (template, server string) {
	switch {
	case f.LogFormat != "":
		return f.LogFormat, "nginx"
	case f.Apache != "":
		return f.Apache, "apache"
	}
	return f.WriteOut, ""
}

// Parser is the format to read by; nil: as detected.
func (f *Format) Parser() *logparse.Format {
	name := string(f.Format)
	switch template, server := f.Template(); {
	case name != "":
	case server != "":
		name = server + "-access"
	case template != "":
		name = "curl"
	}
	return logparse.ByName(name)
}

// Rules are the figures of the rules that the file sets, in seconds where they
// are times: thresholds by rule and name, and budgets by phase.
func (f *File) Rules() (thresholds map[string]map[string]float64, budgets map[string]float64) {
	thresholds, budgets = map[string]map[string]float64{}, map[string]float64{}
	for rule, named := range f.Thresholds {
		thresholds[rule] = map[string]float64{}
		for name, q := range named {
			thresholds[rule][name] = float64(q)
		}
	}
	for phase, q := range f.Budgets {
		budgets[phase] = float64(q)
	}
	return thresholds, budgets
}

// Zones are the zones of hosts by every name they have.
func (f *File) Zones() map[string]*time.Location {
	zones := map[string]*time.Location{}
	for name, h := range f.Hosts {
		if h.Zone.Location == nil {
			continue
		}
		for _, n := range append([]string{name}, h.Aliases...) {
			zones[n] = h.Zone.Location
		}
	}
	return zones
}

// Offsets are the clocks that are known, by host.
func (f *File) Offsets() map[string]time.Duration {
	offsets := map[string]time.Duration{}
	for name, h := range f.Hosts {
		if h.Offset != nil {
			offsets[name] = time.Duration(*h.Offset)
		}
	}
	return offsets
}

// Aliases give the name of a host for every other name it has, in lower case.
func (f *File) Aliases() map[string]string {
	names := map[string]string{}
	for name, h := range f.Hosts {
		for _, a := range h.Aliases {
			names[strings.ToLower(a)] = name
		}
	}
	return names
}

// Addresses are those of every host that has any.
func (f *File) Addresses() map[string][]netip.Addr {
	all := map[string][]netip.Addr{}
	for name, h := range f.Hosts {
		for _, a := range h.Addresses {
			all[name] = append(all[name], a.Addr)
		}
	}
	return all
}

// Routers are the hosts through which others speak.
func (f *File) Routers() map[string]bool {
	all := map[string]bool{}
	for name, h := range f.Hosts {
		if h.Role == Router {
			all[name] = true
		}
	}
	return all
}
