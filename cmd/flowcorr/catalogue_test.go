package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/diagnose"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// TestCataloguePages: the manual's catalogue is what the rules say of
// themselves, in both languages. UPDATE=1 writes it.
func TestCataloguePages(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]lang.Lang{"en": lang.EN, "es": lang.ES} {
		path := filepath.Join(root, "docs", name, "rules.md")
		want := cataloguePage(t, l)
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not the catalogue (UPDATE=1 writes it): %v", path, err)
		}
	}
}

// cataloguePage has a section for each rule, as flowcorr rules NAME prints it.
func cataloguePage(t *testing.T, l lang.Lang) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n%s\n", lang.Text{EN: "Catalogue of diagnoses", ES: "Catálogo de diagnósticos"}.In(l), lang.Text{
		EN: "What `flowcorr rules NAME` prints for each rule. A name never changes its meaning.",
		ES: "Lo que `flowcorr rules NOMBRE` escribe de cada regla. Un nombre no cambia nunca de significado."}.In(l))
	family := ""
	for _, r := range diagnose.Rules() {
		if r.Family != family {
			family = r.Family
			fmt.Fprintf(&b, "\n## %s\n", family)
		}
		var out, diag bytes.Buffer
		if status := run([]string{"--lang", map[lang.Lang]string{lang.EN: "en", lang.ES: "es"}[l], "rules", r.Name}, strings.NewReader(""), &out, &diag); status != exitDone {
			t.Fatalf("flowcorr rules %s: %s", r.Name, diag.String())
		}
		fmt.Fprintf(&b, "\n### %s\n\n```text\n%s```\n", r.Name, out.String())
	}
	return b.Bytes()
}
