package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// options are the values of the shared options.
type options struct {
	language string
	format   string
	outputs  []string
	color    string
	failOn   string
	keylogs  []string
	offsets  []string
	zones    []string
	refClock string
	casePath string
	baseline string
	raw      bool
	quiet    bool
	verbose  bool
	strict   bool
	redact   bool
	jobs     int
	choice   choice
	frames   bool // flows must list their packets: what a command needs, not an option
}

// optionGroup is what an option is about; help lists options by it.
type optionGroup int

const (
	ownOptions optionGroup = iota // of one command alone
	readingOptions
	analysisOptions
	choosingOptions
	outputOptions
	generalOptions
)

var optionGroups = []lang.Text{
	ownOptions:      {EN: "Options", ES: "Opciones"},
	readingOptions:  {EN: "Reading", ES: "Lectura"},
	analysisOptions: {EN: "Analysis", ES: "Análisis"},
	choosingOptions: {EN: "Choosing a part", ES: "Elegir una parte"},
	outputOptions:   {EN: "Output", ES: "Salida"},
	generalOptions:  {EN: "Everywhere", ES: "En todas partes"},
}

// sharedOption is an option that several commands take: it has one name, one
// meaning and one default wherever it is taken.
type sharedOption struct {
	name, short string
	group       optionGroup
	argument    lang.Text // what stands for its value in help; empty: a switch
	help        lang.Text
	value       any                      // the default
	target      func(o *options) any     // where the value goes
	choices     []string                 // the only words allowed
	check       func(*environment) error // of the value, before any work is done
}

// failOn is the option whose default is each command's own.
const failOn = "fail-on"

// sharedOptions is every shared option.
var sharedOptions = []sharedOption{
	{name: "keylog", group: readingOptions, argument: fileWord, target: func(o *options) any { return &o.keylogs },
		help: lang.Text{EN: "TLS key log (SSLKEYLOGFILE) to decrypt with (repeatable)", ES: "registro de claves TLS (SSLKEYLOGFILE) con que descifrar (repetible)"}},
	{name: "case", group: readingOptions, argument: fileWord, target: func(o *options) any { return &o.casePath },
		help: lang.Text{EN: "case file with what you know of hosts, clocks and formats (default: flowcorr.yaml in a folder given)", ES: "archivo del caso, con lo que usted sabe de hosts, relojes y formatos (si falta: flowcorr.yaml de una carpeta dada)"}},
	{name: "tz", group: readingOptions, argument: lang.Text{EN: "HOST=ZONE", ES: "HOST=ZONA"}, target: func(o *options) any { return &o.zones },
		help: lang.Text{EN: "zone of stamps that carry none, such as web=Europe/Madrid or web=+02:00 (repeatable)", ES: "zona de las marcas que no la llevan, como web=Europe/Madrid o web=+02:00 (repetible)"}},
	{name: "jobs", group: readingOptions, argument: lang.Text{EN: "N", ES: "N"}, value: 2, target: func(o *options) any { return &o.jobs }, check: checkJobs,
		help: lang.Text{EN: "how many files are read at a time; the result does not depend on it", ES: "cuántos archivos se leen a la vez; el resultado no depende de ello"}},

	{name: "offset", group: analysisOptions, argument: lang.Text{EN: "HOST=±SECONDS", ES: "HOST=±SEGUNDOS"}, target: func(o *options) any { return &o.offsets },
		help: lang.Text{EN: "declare a clock that is known: ahead of the reference (repeatable)", ES: "declara un reloj conocido: adelantado respecto a la referencia (repetible)"}},
	{name: "reference", group: analysisOptions, argument: lang.Text{EN: "CLOCK", ES: "RELOJ"}, target: func(o *options) any { return &o.refClock },
		help: lang.Text{EN: "the clock that corrected instants are on, by name or file", ES: "el reloj en que están los instantes corregidos, por nombre o archivo"}},
	{name: "baseline", group: analysisOptions, argument: lang.Text{EN: "FOLDER", ES: "CARPETA"}, target: func(o *options) any { return &o.baseline },
		help: lang.Text{EN: "learn what is normal from the evidence in FOLDER, such as of a good day, not from the incident itself", ES: "aprende qué es lo normal de las pruebas de CARPETA, como las de un día bueno, no del propio incidente"}},
	{name: "no-correct", group: analysisOptions, target: func(o *options) any { return &o.raw },
		help: lang.Text{EN: "leave every stamp as recorded", ES: "deja cada marca como se registró"}},

	{name: "since", group: choosingOptions, argument: instantWord, target: func(o *options) any { return &o.choice.since }, check: checkInstants,
		help: lang.Text{EN: "leave out what ended before: 2026-01-15T10:15:32Z, or 10:15:32 of the first day (UTC)", ES: "deja fuera lo que acabó antes: 2026-01-15T10:15:32Z, o 10:15:32 del primer día (UTC)"}},
	{name: "until", group: choosingOptions, argument: instantWord, target: func(o *options) any { return &o.choice.until }, check: checkInstants,
		help: lang.Text{EN: "leave out what began after", ES: "deja fuera lo que empezó después"}},
	{name: "around", group: choosingOptions, argument: instantWord, target: func(o *options) any { return &o.choice.around }, check: checkInstants,
		help: lang.Text{EN: "keep what lies near this instant; all three are on the reference clock, of flows and events as recorded", ES: "deja lo que está cerca de este instante; los tres, en el reloj de referencia; de flows y events, como se registró"}},
	{name: "window", group: choosingOptions, argument: lang.Text{EN: "DURATION", ES: "DURACIÓN"}, value: 5 * time.Second, target: func(o *options) any { return &o.choice.window }, check: checkDurations,
		help: lang.Text{EN: "how near --around means, to both sides", ES: "cuán cerca es --around, a ambos lados"}},
	{name: "client", group: choosingOptions, argument: addressWord, target: func(o *options) any { return &o.choice.clients }, check: checkEndpoints,
		help: lang.Text{EN: "keep journeys of this client: address, network (10.1.0.0/16) or address:port (repeatable)", ES: "deja los recorridos de este cliente: dirección, red (10.1.0.0/16) o dirección:puerto (repetible)"}},
	{name: "server", group: choosingOptions, argument: addressWord, target: func(o *options) any { return &o.choice.servers }, check: checkEndpoints,
		help: lang.Text{EN: "keep journeys to this server, written likewise (repeatable)", ES: "deja los recorridos a este servidor, escrito igual (repetible)"}},
	{name: "name", group: choosingOptions, argument: lang.Text{EN: "NAME", ES: "NOMBRE"}, target: func(o *options) any { return &o.choice.names },
		help: lang.Text{EN: "keep journeys to this name or one below it (repeatable)", ES: "deja los recorridos a este nombre o a uno que cuelgue de él (repetible)"}},
	{name: "service", group: choosingOptions, argument: lang.Text{EN: "SERVICE", ES: "SERVICIO"}, target: func(o *options) any { return &o.choice.services },
		help: lang.Text{EN: "keep journeys of this service: http, https, ssh, dns, ntp, tls, dtls, tcp or quic (repeatable)", ES: "deja los recorridos de este servicio: http, https, ssh, dns, ntp, tls, dtls, tcp o quic (repetible)"}, choices: []string{"http", "https", "ssh", "dns", "ntp", "tls", "dtls", "tcp", "quic"}},
	{name: "min-total", group: choosingOptions, argument: lang.Text{EN: "DURATION", ES: "DURACIÓN"}, value: time.Duration(0), target: func(o *options) any { return &o.choice.minTotal },
		help: lang.Text{EN: "keep journeys that took as long or longer, such as 500ms", ES: "deja los recorridos que duraron tanto o más, como 500ms"}},
	{name: "rule", group: choosingOptions, argument: lang.Text{EN: "RULE", ES: "REGLA"}, target: func(o *options) any { return &o.choice.rules }, check: checkRules,
		help: lang.Text{EN: "keep findings of this rule and their journeys (repeatable)", ES: "deja los hallazgos de esta regla y sus recorridos (repetible)"}},
	{name: "severity", group: choosingOptions, argument: severityWord, target: func(o *options) any { return &o.choice.severity }, choices: []string{"info", "note", "warning", "error"},
		help: lang.Text{EN: "keep findings as severe or more and their journeys: note, warning or error; info: all", ES: "deja los hallazgos así de graves o más y sus recorridos: note, warning o error; info: todo"}},

	{name: "output", short: "o", group: outputOptions, argument: fileWord, target: func(o *options) any { return &o.outputs },
		help: lang.Text{EN: "write to FILE, whose ending picks the format (repeatable)", ES: "escribe en ARCHIVO, cuya terminación elige el formato (repetible)"}},
	{name: "redact", group: outputOptions, target: func(o *options) any { return &o.redact },
		help: lang.Text{EN: "replace addresses, names, users, paths and identifiers, always by the same; times and sizes stay", ES: "sustituye direcciones, nombres, usuarios, rutas e identificadores, siempre por lo mismo; los tiempos y tamaños quedan"}},
	{name: failOn, group: outputOptions, argument: severityWord, target: func(o *options) any { return &o.failOn }, choices: []string{"info", "note", "warning", "error", "never"},
		help: lang.Text{EN: "exit with status 1 at findings as severe or more: info, note, warning, error or never", ES: "acaba con estado 1 si hay hallazgos así de graves o más: info, note, warning, error o never"}},
	{name: "strict", group: outputOptions, target: func(o *options) any { return &o.strict },
		help: lang.Text{EN: "exit with status 4 where a file could not be read to its end or understood", ES: "acaba con estado 4 si un archivo no se pudo leer hasta el final o entender"}},

	{name: "lang", group: generalOptions, argument: lang.Text{EN: "LANGUAGE", ES: "IDIOMA"}, target: func(o *options) any { return &o.language }, choices: []string{"en", "es"},
		help: lang.Text{EN: "language of all texts, this help too: en or es (default: from the locale)", ES: "idioma de todos los textos, también de esta ayuda: en o es (si falta: el del entorno)"}},
	{name: "color", group: generalOptions, argument: lang.Text{EN: "WHEN", ES: "CUÁNDO"}, value: "auto", target: func(o *options) any { return &o.color }, choices: []string{"auto", "always", "never"},
		help: lang.Text{EN: "colours in text: auto (on a terminal, unless NO_COLOR is set), always or never", ES: "colores en el texto: auto (en un terminal, salvo con NO_COLOR), always o never"}},
	{name: "quiet", short: "q", group: generalOptions, target: func(o *options) any { return &o.quiet },
		help: lang.Text{EN: "say nothing on standard error but errors", ES: "no dice nada en la salida de errores salvo errores"}},
	{name: "verbose", short: "v", group: generalOptions, target: func(o *options) any { return &o.verbose },
		help: lang.Text{EN: "say on standard error what is read, and every problem of it", ES: "dice en la salida de errores qué se lee y cada problema"}},
}

var (
	fileWord     = lang.Text{EN: "FILE", ES: "ARCHIVO"}
	addressWord  = lang.Text{EN: "ADDRESS", ES: "DIRECCIÓN"}
	instantWord  = lang.Text{EN: "INSTANT", ES: "INSTANTE"}
	severityWord = lang.Text{EN: "SEVERITY", ES: "GRAVEDAD"}
)

// take gives a command the shared options of these groups.
func (env *environment) take(cmd *cobra.Command, groups ...optionGroup) {
	for i := range sharedOptions {
		if slices.Contains(groups, sharedOptions[i].group) {
			env.define(cmd.Flags(), &sharedOptions[i])
		}
	}
}

// takeOnly gives a command the shared options of these names.
func (env *environment) takeOnly(cmd *cobra.Command, names ...string) {
	for i := range sharedOptions {
		if slices.Contains(names, sharedOptions[i].name) {
			env.define(cmd.Flags(), &sharedOptions[i])
		}
	}
}

// takeFailOn gives a command --fail-on. Where findings are what it prints, they
// count unless told otherwise; elsewhere only where asked for.
func (env *environment) takeFailOn(cmd *cobra.Command, otherwise string) {
	env.takeOnly(cmd, failOn)
	cmd.Flags().Lookup(failOn).DefValue = otherwise
}

// Annotations of a flag that help, completion and checks read.
const (
	groupNote    = "group"
	argumentNote = "argument"
	choicesNote  = "choices"
)

func (env *environment) define(f *pflag.FlagSet, o *sharedOption) {
	help := o.help.In(env.speaks)
	switch p := o.target(&env.options).(type) {
	case *string:
		text, _ := o.value.(string)
		f.StringVarP(p, o.name, o.short, text, help)
	case *[]string:
		f.StringArrayVarP(p, o.name, o.short, nil, help)
	case *bool:
		f.BoolVarP(p, o.name, o.short, false, help)
	case *int:
		f.IntVarP(p, o.name, o.short, o.value.(int), help)
	case *time.Duration:
		f.DurationVarP(p, o.name, o.short, o.value.(time.Duration), help)
	}
	annotate(f.Lookup(o.name), o.group, o.argument.In(env.speaks), o.choices)
}

func annotate(flag *pflag.Flag, group optionGroup, argument string, choices []string) {
	flag.Annotations = map[string][]string{groupNote: {string(rune('0' + group))}, argumentNote: {argument}}
	if len(choices) > 0 {
		flag.Annotations[choicesNote] = choices
	}
}

// takeFormat gives a command --format with its choices; the first one is the
// default, and more is said of it by note.
func (env *environment) takeFormat(cmd *cobra.Command, note lang.Text, names ...string) {
	text := env.say(lang.Text{EN: "default: %s", ES: "si falta: %s"}, names[0])
	if note.EN != "" {
		text = note.In(env.speaks)
	}
	cmd.Flags().StringVar(&env.options.format, "format", "", env.either(names)+" ("+text+")")
	annotate(cmd.Flags().Lookup("format"), outputOptions, env.say(lang.Text{EN: "FORMAT", ES: "FORMATO"}), names)
}

// either writes "a, b or c".
func (env *environment) either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + env.say(lang.Text{EN: " or ", ES: " o "}) + words[len(words)-1]
}
