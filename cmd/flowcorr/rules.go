package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

func rulesCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   env.say(lang.Text{EN: "rules [NAME]", ES: "rules [NOMBRE]"}),
		Short: env.say(lang.Text{EN: "List the catalogue of diagnoses, or explain one", ES: "Enumerar el catálogo de diagnósticos, o explicar uno"}),
		Args:  cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			l := env.speaks
			if len(args) == 0 {
				return listRules(env, l)
			}
			r := diagnose.Find(args[0])
			if r == nil {
				return env.noRule("rules", args[0])
			}
			return explainRule(env, l, r)
		},
	}
}

func listRules(env *environment, l lang.Lang) error {
	family := ""
	var b strings.Builder
	for _, r := range diagnose.Rules() {
		if r.Family != family {
			family = r.Family
			fmt.Fprintf(&b, "%s\n", family)
		}
		fmt.Fprintf(&b, "  %-28s %s\n", r.Name, r.Title.In(l))
	}
	fmt.Fprintf(&b, "\n%s\n", lang.Text{EN: "Thresholds that each rule has beside its own:", ES: "Umbrales que cada regla tiene además de los suyos:"}.In(l))
	listThresholds(&b, l, diagnose.OfEveryRule())
	return env.page(b.String())
}

func listThresholds(b *strings.Builder, l lang.Lang, all []*diagnose.Threshold) {
	for _, t := range all {
		fmt.Fprintf(b, "  %-16s %-14s %s\n", t.Name, t.Value(l), t.Means.In(l))
	}
}

func explainRule(env *environment, l lang.Lang, r *diagnose.Rule) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n%s\n", r.Name, r.Title.In(l), r.Doc.In(l))
	if needs := r.Needs.In(l); needs != "" {
		fmt.Fprintf(&b, "\n%s %s\n", lang.Text{EN: "Needs:", ES: "Necesita:"}.In(l), needs)
	}
	if len(r.Thresholds) > 0 {
		fmt.Fprintf(&b, "\n%s\n", lang.Text{EN: "Thresholds (defaults; flowcorr.yaml sets them under thresholds, by rule and name):", ES: "Umbrales (valores por defecto; flowcorr.yaml los fija en thresholds, por regla y nombre):"}.In(l))
	}
	listThresholds(&b, l, r.Thresholds)
	for i, x := range r.Refuters {
		if i == 0 {
			fmt.Fprintf(&b, "\n%s\n", lang.Text{EN: "Refuted by:", ES: "La refuta:"}.In(l))
		}
		fmt.Fprintf(&b, "  - %s\n", x.In(l))
	}
	if r.Source != "" {
		fmt.Fprintf(&b, "\n%s %s\n", lang.Text{EN: "Source:", ES: "Fuente:"}.In(l), r.Source)
	}
	return env.page(b.String())
}
