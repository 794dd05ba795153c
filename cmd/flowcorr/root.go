package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// options are those all commands share.
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
	raw      bool
	quiet    bool
}

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "flowcorr",
		Short: "Says what happened, step by step, where it broke, and what proves it",
		Long: `flowcorr takes a folder of evidence of an incident (packet captures, server
logs, what clients printed) and says what happened step by step to the
millisecond, at which step it broke or slowed, and what proves it.

Start with:  flowcorr report FOLDER`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			if _, err := os.Stat(args[0]); err != nil && !strings.ContainsAny(args[0], "/.") {
				return &usageError{fmt.Sprintf("there is no command %q", args[0]), suggestion(cmd, args[0])}
			}
			return runReport(env, args)
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err.Error(), fmt.Sprintf("%s --help lists the options", cmd.CommandPath())}
	})
	flags := root.PersistentFlags()
	flags.StringVar(&env.options.language, "lang", "", "language of texts: en or es (default: from the locale)")
	flags.BoolVarP(&env.options.quiet, "quiet", "q", false, "say nothing on standard error but errors")
	reportFlags(root, env)
	root.AddCommand(reportCommand(env), flowsCommand(env), eventsCommand(env), explainCommand(env), timelineCommand(env), matchCommand(env),
		checkCommand(env), clocksCommand(env), detectCommand(env), renderCommand(env), rulesCommand(env), versionCommand(env))
	root.InitDefaultCompletionCmd()
	return root
}

// suggestion names the commands nearest to a mistyped one.
func suggestion(root *cobra.Command, word string) string {
	root.SuggestionsMinimumDistance = 2
	if near := root.SuggestionsFor(word); len(near) > 0 {
		return "did you mean " + strings.Join(near, " or ") + "?"
	}
	return "flowcorr --help lists the commands; a path to evidence may be given in their place"
}

// lang is the language chosen, or that of the locale (LC_ALL, LC_MESSAGES, LANG).
func (env *environment) lang() (lang.Lang, error) {
	choice := env.options.language
	if choice == "" {
		for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
			if v := os.Getenv(name); v != "" {
				choice = v[:min(2, len(v))]
				break
			}
		}
		if choice != "es" {
			choice = "en"
		}
	}
	i := slices.Index([]string{"en", "es"}, choice)
	if i < 0 {
		return 0, &usageError{fmt.Sprintf("--lang %s: not a language flowcorr speaks", choice), "use --lang en or --lang es"}
	}
	return []lang.Lang{lang.EN, lang.ES}[i], nil
}
