package render

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
)

//go:embed html
var htmlFiles embed.FS

// htmlScripts are the parts of the page's one script, in order.
var htmlScripts = []string{"base.js", "waterfall.js", "ladder.js", "journey.js", "grid.js", "overview.js", "spread.js", "clocks.js", "start.js"}

// HTML writes the report as one page that needs nothing else: no file, no
// network. Its security policy allows its own script and style by their hashes
// and nothing besides.
func HTML(w io.Writer, r *report.Report, l lang.Lang) error {
	d := &layout{r: r, l: l}
	p, err := d.page()
	if err != nil {
		return err
	}
	style, err := htmlFiles.ReadFile("html/style.css")
	if err != nil {
		return err
	}
	script, err := htmlScript()
	if err != nil {
		return err
	}
	p.Style, p.Script = template.CSS(style), template.JS(script)
	p.Policy = "default-src 'none'; script-src '" + hashOf(script) + "'; style-src '" + hashOf(string(style)) +
		"'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	t, err := template.New("page.html").Funcs(template.FuncMap{"t": d.label}).ParseFS(htmlFiles, "html/page.html")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	if err := t.Execute(out, p); err != nil {
		return err
	}
	return out.Flush()
}

// htmlScript joins the parts in a scope of their own.
func htmlScript() (string, error) {
	var b strings.Builder
	b.WriteString("(function () {\n\"use strict\";\n")
	for _, name := range htmlScripts {
		part, err := htmlFiles.ReadFile("html/" + name)
		if err != nil {
			return "", err
		}
		b.Write(part)
	}
	b.WriteString("})();\n")
	return b.String(), nil
}

// hashOf is a source of the content security policy, level 3, section 2.3.1.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// label is a text of the page in the reader's language; a key that is not in
// the table stands as it is, which a test finds.
func (d *layout) label(key string) string {
	if t, ok := htmlTexts[key]; ok {
		return t.In(d.l)
	}
	return key
}
