package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowcorr/flowcorr/internal/near"
	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// diagnosed is the report of a case, checked against the catalogue as the
// command line and the case file set it, and against what is normal in another
// folder where one is given.
func (env *environment) diagnosed(ctx context.Context, c *correlate.Case) (*report.Report, error) {
	opt := diagnose.Options{Lang: env.speaks}
	opt.Thresholds, opt.Budgets = env.caseFile.Rules()
	if folder := env.options.baseline; folder != "" {
		inc, err := incident.Read(ctx, []string{folder}, incident.Options{})
		if err != nil {
			return nil, fmt.Errorf("--baseline %s: %w", folder, err)
		}
		base := diagnose.Learn(correlate.Correlate(inc, correlate.Options{}).Journeys, folder)
		if len(base.Phases) == 0 {
			return nil, &usageError{env.say(lang.Text{EN: "--baseline %s: no journey there tells what is normal", ES: "--baseline %s: ningún recorrido de ahí dice qué es lo normal"}, folder),
				env.say(lang.Text{EN: "give a folder with a capture of the same services on a good day", ES: "dé una carpeta con una captura de los mismos servicios en un día bueno"})}
		}
		opt.Baseline = &base
	}
	return report.Build(c, diagnose.Run(c, opt), env.speaks, version()), nil
}

// checkSettings refuses thresholds and budgets of the case file that no rule
// knows, before any work is done.
func (env *environment) checkSettings() error {
	thresholds, budgets := env.caseFile.Rules()
	var wrong []string
	check := func(thresholds map[string]map[string]float64, budgets map[string]float64, keys ...string) {
		if text := diagnose.CheckSettings(thresholds, budgets, env.speaks); text != "" {
			wrong = append(wrong, fmt.Sprintf(env.say(lang.Text{EN: "line %d: %s", ES: "línea %d: %s"}), env.caseFile.Line(keys...), text)+env.meant(keys))
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(thresholds)) {
		for _, name := range slices.Sorted(maps.Keys(thresholds[rule])) {
			check(map[string]map[string]float64{rule: {name: thresholds[rule][name]}}, nil, "thresholds", rule, name)
		}
	}
	for _, phase := range slices.Sorted(maps.Keys(budgets)) {
		check(nil, map[string]float64{phase: budgets[phase]}, "budgets", phase)
	}
	if len(wrong) == 0 {
		return nil
	}
	return &usageError{env.casePath + ": " + strings.Join(wrong, "; "),
		env.say(lang.Text{EN: "flowcorr rules lists the rules, flowcorr rules NAME the thresholds of one", ES: "flowcorr rules enumera las reglas, flowcorr rules NOMBRE los umbrales de una"})}
}

// meant names the rule or the threshold that is nearest to one that does not
// exist; "" where both exist or none is near.
func (env *environment) meant(keys []string) string {
	word, words := "", []string(nil)
	if keys[0] == "thresholds" {
		if r := diagnose.Find(keys[1]); r == nil {
			word, words = keys[1], ruleNames()
		} else {
			word = keys[2]
			for _, t := range slices.Concat(r.Thresholds, diagnose.OfEveryRule()) {
				words = append(words, t.Name)
			}
		}
	}
	if like := near.Word(word, words); like != "" && like != word {
		return fmt.Sprintf(env.say(lang.Text{EN: "; did you mean %q?", ES: "; ¿quiso decir %q?"}), like)
	}
	return ""
}
