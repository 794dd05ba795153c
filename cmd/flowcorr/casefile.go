package main

import (
	"os"
	"path/filepath"

	"github.com/flowcorr/flowcorr/pkg/casefile"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// loadCase reads the case file: the one given, or the one in a folder of
// evidence. Without one, nothing is said.
func (env *environment) loadCase(paths []string) error {
	env.caseFile, env.casePath = &casefile.File{}, env.options.casePath
	if env.casePath == "" {
		for _, dir := range paths {
			name := filepath.Join(dir, casefile.Name)
			if st, err := os.Stat(name); err != nil || !st.Mode().IsRegular() {
				continue
			}
			if env.casePath != "" {
				return &usageError{env.say(lang.Text{EN: "two case files: %s and %s", ES: "dos archivos de caso: %s y %s"}, env.casePath, name), env.say(lang.Text{EN: "name the one that holds with --case FILE", ES: "nombre con --case ARCHIVO el que vale"})}
			}
			env.casePath = name
		}
	}
	if env.casePath == "" {
		return nil
	}
	f, err := casefile.Read(env.casePath)
	if err != nil {
		return &usageError{err.Error(), env.say(lang.Text{EN: "docs/en/case-file.md lists what may stand in it; flowcorr detect --write-case PATH… proposes one", ES: "docs/es/case-file.md enumera lo que puede contener; flowcorr detect --write-case RUTA… propone uno"})}
	}
	env.caseFile = f
	return nil
}

// told is what the case file says to who reads the evidence.
func (env *environment) told() incident.Told {
	f := env.caseFile
	t := incident.Told{Zones: f.Zones(), Aliases: f.Aliases(), Addresses: f.Addresses(), Routers: f.Routers(), File: env.casePath}
	for _, n := range f.NAT {
		t.NAT = append(t.NAT, incident.Translation{Inside: n.Inside.Addr, Outside: n.Outside.Addr})
	}
	for _, p := range f.Proxies {
		proxy := incident.Proxy{Address: p.Address.Addr}
		for _, b := range p.Backends {
			proxy.Backends = append(proxy.Backends, b.Addr)
		}
		t.Proxies = append(t.Proxies, proxy)
	}
	for _, c := range f.Captures {
		told := incident.ToldCapture{Match: c.Files.Match}
		for _, a := range c.TakenOn {
			told.On = append(told.On, a.Addr)
		}
		t.Captures = append(t.Captures, told)
	}
	for i := range f.Formats {
		given := &f.Formats[i]
		template, server := given.Template()
		t.Formats = append(t.Formats, incident.ToldFormat{Match: given.Files.Match, Format: given.Parser(), Template: template, Server: server,
			Host: given.Host, Zone: given.Zone.Location, Year: given.Year})
	}
	return t
}
