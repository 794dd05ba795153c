package correlate

import (
	"testing"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// TestUpstream: what a server asks of another one belongs to the journey that
// waits, if one alone does, or its path says which.
func TestUpstream(t *testing.T) {
	const proxy, app = server + ":80", "10.1.0.20:8080"
	ask := func(s *scene, client, to, path string, at, wait float64) *pcapflow.Exchange {
		f := s.connect(client, to, at-10, 5)
		f.Service = "http"
		e := s.exchange(f, at, wait, 1)
		e.Path = path
		return e
	}
	for _, x := range []struct {
		name string
		make func(s *scene)
		link string // the client of the journey that waited; "": none
	}{
		{"one waits", func(s *scene) {
			ask(s, "10.0.0.2:1000", proxy, "", 100, 300)
			ask(s, server+":2000", app, "", 150, 100)
		}, "10.0.0.2:1000"},
		{"nobody waits any longer", func(s *scene) {
			ask(s, "10.0.0.2:1000", proxy, "", 100, 30)
			ask(s, server+":2000", app, "", 150, 100)
		}, ""},
		{"two wait, and nothing tells", func(s *scene) {
			ask(s, "10.0.0.2:1000", proxy, "", 100, 300)
			ask(s, "10.0.0.3:1000", proxy, "", 110, 300)
			ask(s, server+":2000", app, "", 150, 100)
		}, ""},
		{"two wait, and the path tells", func(s *scene) {
			ask(s, "10.0.0.2:1000", proxy, "/api/other", 100, 300)
			ask(s, "10.0.0.3:1000", proxy, "/api/item/7", 110, 300)
			ask(s, server+":2000", app, "/item/7", 150, 100)
		}, "10.0.0.3:1000"},
		{"one waits for something else", func(s *scene) {
			ask(s, "10.0.0.2:1000", proxy, "/page", 100, 300)
			ask(s, server+":2000", app, "/health", 150, 100)
		}, ""},
		{"another host asks", func(s *scene) {
			ask(s, "10.0.0.2:1000", proxy, "", 100, 300)
			ask(s, "10.9.0.9:2000", app, "", 150, 100)
		}, ""},
	} {
		s := newScene()
		x.make(s)
		b := build(s.incident(), asWritten{}, Options{})
		for _, j := range b.journeys {
			if j.Server.String() != app {
				continue
			}
			got := ""
			for _, l := range j.Links {
				if l.Kind == Upstream {
					got = l.Journey.Client.String()
				}
			}
			if got != x.link {
				t.Errorf("%s: asked for %q, want %q", x.name, got, x.link)
			}
		}
	}
}
