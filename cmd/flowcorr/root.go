package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/flowcorr/flowcorr/internal/near"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report/render"
)

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   env.say(lang.Text{EN: "flowcorr PATH…", ES: "flowcorr RUTA…"}),
		Short: env.say(lang.Text{EN: "Says what happened, step by step, where it broke, and what proves it", ES: "Dice qué pasó, paso a paso, dónde se rompió y qué lo prueba"}),
		Long: env.say(lang.Text{
			EN: `flowcorr takes a folder of evidence of an incident (packet captures, server
logs, what clients printed) and says what happened step by step to the
millisecond, at which step it broke or slowed, and what proves it. It works
offline and changes nothing.

Start with:  flowcorr report FOLDER`,
			ES: `flowcorr toma una carpeta con las pruebas de un incidente (capturas de paquetes,
registros de servidores, lo que escribieron los clientes) y dice qué pasó paso a
paso, al milisegundo, en qué paso se rompió o se frenó y qué lo prueba. Trabaja
sin red y no cambia nada.

Empiece con:  flowcorr report CARPETA`}),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return env.welcome(cmd)
			}
			if _, err := os.Stat(args[0]); err != nil && !strings.ContainsAny(args[0], "/.") {
				return &usageError{env.say(lang.Text{EN: "there is no command and no file %q", ES: "no hay ninguna orden ni archivo %q"}, args[0]), env.suggestion(cmd, args[0])}
			}
			return runReport(env, args)
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return env.checkChoices(cmd) },
	}
	root.SetFlagErrorFunc(env.flagError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { env.help(cmd) })
	root.CompletionOptions.DisableDefaultCmd = true
	for i := range sharedOptions {
		if sharedOptions[i].group == generalOptions {
			env.define(root.PersistentFlags(), &sharedOptions[i])
		}
	}
	reportFlags(root, env)
	root.AddCommand(reportCommand(env), flowsCommand(env), eventsCommand(env), explainCommand(env), timelineCommand(env), matchCommand(env),
		checkCommand(env), clocksCommand(env), detectCommand(env), renderCommand(env), rulesCommand(env),
		compareCommand(env), watchCommand(env), batchCommand(env), extractCommand(env), completionCommand(env), manCommand(env), versionCommand(env))
	root.SetHelpCommand(helpCommand(env))
	for _, cmd := range append(root.Commands(), root) {
		env.finish(cmd)
	}
	return root
}

// finish gives a command what all have: -h, and completion of choices.
func (env *environment) finish(cmd *cobra.Command) {
	cmd.Flags().BoolP("help", "h", false, env.say(lang.Text{EN: "show this help", ES: "muestra esta ayuda"}))
	annotate(cmd.Flags().Lookup("help"), generalOptions, "", nil)
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if words := f.Annotations[choicesNote]; len(words) > 0 {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // twice is all that can fail
		}
	})
}

// welcome is what a first run without arguments prints.
func (env *environment) welcome(cmd *cobra.Command) error {
	text := env.say(lang.Text{
		EN: `flowcorr says what happened in an incident, step by step, at which step it broke
or slowed, and what proves it: from captures, server logs and what clients
printed, offline.

  flowcorr report FOLDER         the answer, where the time went, the proof
  flowcorr check FOLDER          which evidence is missing, and how to collect it
  flowcorr compare GOOD BAD      which phase differs between two days
  flowcorr rules                 what it can recognise

A folder may hold anything: .pcap and .pcapng files (packed ones too), access and
error logs, auth.log, journal exports, chrony logs, the output of curl -w, dig,
ssh -vvv or chronyc.
`,
		ES: `flowcorr dice qué pasó en un incidente, paso a paso, en qué paso se rompió o se
frenó y qué lo prueba: a partir de capturas, registros de servidores y lo que
escribieron los clientes, sin red.

  flowcorr report CARPETA        la respuesta, dónde se fue el tiempo, las pruebas
  flowcorr check CARPETA         qué pruebas faltan y cómo recogerlas
  flowcorr compare BIEN MAL      qué fase difiere entre dos días
  flowcorr rules                 qué sabe reconocer

Una carpeta puede contener de todo: archivos .pcap y .pcapng (también
comprimidos), registros de acceso y de error, auth.log, journal exportado,
registros de chrony, lo que escriben curl -w, dig, ssh -vvv o chronyc.
`})
	if n := evidenceHere(); n > 0 {
		text += "\n" + env.say(lang.Text{
			EN: "This folder seems to hold evidence (%d files). Try:  flowcorr report .\n",
			ES: "Esta carpeta parece contener pruebas (%d archivos). Pruebe:  flowcorr report .\n"}, n)
	}
	text += "\n" + env.say(lang.Text{
		EN: "flowcorr --help lists every command and option; --lang es speaks Spanish.\n",
		ES: "flowcorr --help enumera todas las órdenes y opciones; --lang en habla inglés.\n"})
	return env.page(text)
}

// page writes what was written for a terminal of usual width.
func (env *environment) page(text string) error {
	return env.print(func(w io.Writer) error {
		_, err := io.WriteString(w, render.Reflow(text, env.textOptions(env.speaks, w).Width))
		return err
	})
}

// evidenceHere counts the files of the present folder whose names look like
// evidence.
func evidenceHere() int {
	entries, err := os.ReadDir(".")
	if err != nil {
		return 0
	}
	n := 0
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		for _, packed := range []string{".gz", ".zst", ".xz", ".lz4"} {
			name = strings.TrimSuffix(name, packed)
		}
		if !e.IsDir() && slices.Contains([]string{".pcap", ".pcapng", ".cap", ".log"}, filepath.Ext(name)) {
			n++
		}
	}
	return n
}

// suggestion names the command or file nearest to a mistyped word.
func (env *environment) suggestion(root *cobra.Command, word string) string {
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	if like := near.Word(word, names); like != "" {
		return env.say(lang.Text{EN: "did you mean %s?", ES: "¿quiso decir %s?"}, like)
	}
	if like := nearestFile(word); like != "" {
		return env.say(lang.Text{EN: "did you mean %s?", ES: "¿quiso decir %s?"}, like)
	}
	return env.say(lang.Text{EN: "flowcorr --help lists the commands; a path to evidence may be given in their place", ES: "flowcorr --help enumera las órdenes; en su lugar puede darse una ruta a las pruebas"})
}

// say is a text in the language chosen.
func (env *environment) say(t lang.Text, args ...any) string {
	if len(args) == 0 {
		return t.In(env.speaks)
	}
	return fmt.Sprintf(t.In(env.speaks), args...)
}

// languageOf finds the language before anything is parsed, as help and errors
// speak it as well: --lang, else the locale.
func languageOf(args []string) lang.Lang {
	for i, a := range args {
		if a == "--" {
			break
		}
		word, set := strings.CutPrefix(a, "--lang=")
		if a == "--lang" && i+1 < len(args) {
			word, set = args[i+1], true
		}
		if set {
			return languageNamed(word)
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return languageNamed(v[:min(2, len(v))])
		}
	}
	return lang.EN
}

func languageNamed(word string) lang.Lang {
	if word == "es" {
		return lang.ES
	}
	return lang.EN
}
