package incident

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Told is what whoever holds the evidence says of it. It goes before what the
// evidence tells. Names of hosts are compared without regard to case.
type Told struct {
	// Zones is where local time of a host is kept, by the name of its folder or
	// in its lines.
	Zones map[string]*time.Location
	// Aliases give the name of a host for other names of it.
	Aliases map[string]string
	// Addresses are those of hosts. What was captured in the folder of one of
	// them was captured by it.
	Addresses map[string][]netip.Addr
	// Captures are where single captures were taken, before what their folder says; of
	// several, the first one holds.
	Captures []ToldCapture
	// Routers are hosts through which others speak.
	Routers map[string]bool
	// NAT and Proxies are what stands between clients and the logs of servers.
	NAT     []Translation
	Proxies []Proxy
	// Formats say how files are to be read; of several, the first one holds.
	Formats []ToldFormat
	// File is where all this was read, "" where nowhere: it is no evidence.
	File string
}

// ToldCapture is where some captures were taken.
type ToldCapture struct {
	Match func(path string) bool
	On    []netip.Addr // of one host: packets of each are in them
}

// ToldFormat is how some files are to be read.
type ToldFormat struct {
	Match    func(path string) bool
	Format   *logparse.Format // nil: as detected
	Template string           // for logparse.Source
	Server   string           // for logparse.Source
	Host     string           // whose clock stamped them; "": as the folder tells
	Zone     *time.Location   // of its stamps without one; nil: that of its host
	Year     int              // 0: as the evidence tells
}

// CaseFile is the kind of the file in which something was told.
const CaseFile = "case-file"

// Named is the name of a host by another one of it.
func (t *Told) Named(host string) string {
	for other, name := range t.Aliases {
		if strings.EqualFold(other, host) {
			return name
		}
	}
	return host
}

// hear takes what was told of each file.
func (t *Told) hear(items []*item) {
	aliases := map[string]string{}
	for other, name := range t.Aliases {
		aliases[strings.ToLower(other)] = name
	}
	told := filepath.Clean(t.File)
	for _, it := range items {
		it.aliases = aliases
		it.caseFile = t.File != "" && filepath.Clean(it.file.Open) == told
		for i := range t.Formats {
			if f := &t.Formats[i]; f.Match(it.file.Path) || f.Match(filepath.ToSlash(it.file.Open)) {
				it.told = f
				if f.Host != "" {
					it.folder = f.Host
				}
				break
			}
		}
		it.folder = it.named(it.folder)
	}
}

// named is the name of a host by another one of it.
func (it *item) named(host string) string {
	if name := it.aliases[strings.ToLower(host)]; name != "" {
		return name
	}
	return host
}

// obey completes what is known of a log by what was told of it.
func (it *item) obey(src *logparse.Source) {
	t := it.told
	if t == nil {
		return
	}
	if t.Template != "" {
		src.Template = t.Template
	}
	if t.Server != "" {
		src.Server = t.Server
	}
	if t.Zone != nil {
		src.Local = logparse.ZoneOf(t.Zone)
	}
	if t.Year != 0 {
		src.Year = t.Year
	}
}

// place sets where a capture was taken, where that is told of it or of the folder's host.
func (t *Told) place(c *Capture, folder string) {
	for _, told := range t.Captures {
		if len(c.Files) == 0 || !told.Match(c.Files[0].Path) {
			continue
		}
		if c.takenOn(told.On) { // also where one of them is silent in it
			c.Own = told.On
		}
		return
	}
	if folder == "" {
		return
	}
	for name, addresses := range t.Addresses {
		if strings.EqualFold(name, folder) && !t.Routers[name] {
			c.takenOn(addresses)
			return
		}
	}
	for name := range t.Routers {
		if strings.EqualFold(name, folder) {
			c.VantageHost, c.Vantage, c.Own = netip.Addr{}, pcapflow.VantageMiddle, nil
			for _, f := range c.Flows {
				if f.Conn != nil {
					f.Conn.Vantage = pcapflow.VantageMiddle
				}
			}
		}
	}
}

// takenOn notes on which host a capture was taken. Where none of its addresses
// speaks, what the packets show stays: false.
func (c *Capture) takenOn(own []netip.Addr) bool {
	as := [2]int{} // flows in which the host is client or server
	count := map[netip.Addr]int{}
	for _, f := range c.Flows {
		for side, end := range [2]netip.Addr{f.Client.Addr().Unmap(), f.Server.Addr().Unmap()} {
			if !slices.Contains(own, end) {
				continue
			}
			as[side]++
			count[end]++
			if f.Conn != nil {
				f.Conn.Vantage = [2]pcapflow.Vantage{pcapflow.VantageClient, pcapflow.VantageServer}[side]
			}
		}
	}
	if len(count) == 0 {
		return false
	}
	c.VantageHost, c.Own = netip.Addr{}, nil
	for _, a := range own {
		if count[a] > 0 {
			c.Own = append(c.Own, a)
		}
		if count[a] > count[c.VantageHost] {
			c.VantageHost = a
		}
	}
	c.Vantage = pcapflow.VantageServer
	if as[pcapflow.Client] > as[pcapflow.Server] {
		c.Vantage = pcapflow.VantageClient
	}
	return true
}
