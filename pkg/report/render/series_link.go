package render

import (
	"fmt"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// mostNeighbours bounds the rows of a table.
const mostNeighbours = 40

// gateways writes which routers a capture's link has, and how that is known.
func (d *layout) gateways(list []report.Gateway) {
	t := &table{header: []string{d.say(lang.Text{EN: "gateway", ES: "puerta de enlace"}), d.say(lang.Text{EN: "address", ES: "dirección"}),
		d.say(lang.Text{EN: "known by", ES: "se sabe por"}), d.say(lang.Text{EN: "where", ES: "dónde"})}}
	for _, g := range list {
		var by []string
		for _, how := range g.By {
			switch how {
			case "hop-limit":
				by = append(by, d.say(lang.Text{EN: "routed packets, addresses behind it: %d", ES: "paquetes encaminados, direcciones detrás: %d"}, g.BehindCount))
			case "resolution":
				by = append(by, d.say(lang.Text{EN: "%s asked for it first", ES: "%s preguntó antes por ella"}, strings.Join(g.Hosts, ", ")))
			case "advertisement":
				by = append(by, d.say(lang.Text{EN: "it advertises itself", ES: "se anuncia ella misma"}))
			}
		}
		if g.Replaces != "" {
			by = append(by, d.say(lang.Text{EN: "in place of %s from %s on", ES: "en lugar de %s desde %s"}, g.Replaces, g.First))
		}
		address := "–"
		if len(g.Addresses) > 0 {
			address = strings.Join(g.Addresses, ", ")
		}
		frame := 0
		if len(g.Frames) > 0 {
			frame = g.Frames[0]
		}
		t.rows = append(t.rows, []string{g.LinkAddress, address, strings.Join(by, "; "), d.place(g.Evidence, "", frame)})
	}
	if len(t.rows) > 0 {
		d.out = append(d.out, block{table: t})
	}
}

// neighbours writes how long hosts waited for link addresses.
func (d *layout) neighbours(list []report.NeighbourSeries) {
	t := &table{header: []string{d.say(lang.Text{EN: "neighbour resolution", ES: "resolución de vecino"}), "n", d.say(lang.Text{EN: "attempts", ES: "intentos"}),
		d.say(lang.Text{EN: "unanswered", ES: "sin respuesta"}), d.say(lang.Text{EN: "median", ES: "mediana"}), "max", d.say(lang.Text{EN: "link address", ES: "dirección de enlace"}),
		d.say(lang.Text{EN: "where", ES: "dónde"})}, right: []bool{false, true, true, true, true, true, false, false}}
	for i, s := range list {
		if i == mostNeighbours {
			d.out = append(d.out, block{table: t})
			d.para(d.say(lang.Text{EN: "… and %d more", ES: "… y %d más"}, len(list)-i))
			return
		}
		median, most := "–", "–"
		if s.Time != nil {
			median, most = span(s.Time.Median), span(s.Time.Max)
		}
		links := strings.Join(s.LinkAddresses, ", ")
		switch {
		case s.Duplicate:
			links += " " + d.say(lang.Text{EN: "(two answered)", ES: "(respondieron dos)"})
		case s.Changed:
			links += " " + d.say(lang.Text{EN: "(it changed)", ES: "(cambió)"})
		}
		if s.Proxy {
			links += " " + d.say(lang.Text{EN: "(a router, in its name)", ES: "(un encaminador, en su nombre)"})
		}
		t.rows = append(t.rows, []string{strings.TrimSpace(s.Protocol + " " + s.Asker + " → " + s.Target), fmt.Sprint(s.Resolutions), fmt.Sprint(s.Attempts),
			fmt.Sprint(s.Unanswered), median, most, links, d.place(s.Evidence, "", s.Frame)})
	}
	if len(t.rows) > 0 {
		d.out = append(d.out, block{table: t})
	}
}
