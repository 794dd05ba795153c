package diagnose

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// structural are comparisons with figures that are no thresholds: what protocols
// define.
var structural = map[string]string{
	`i == 3`:                           "how many a sentence names or a finding shows",
	`len(events) <= 5`:                 "how many a sentence names or a finding shows",
	`len(sent) >= 8`:                   "how many a sentence names or a finding shows",
	`k-i >= 2`:                         "how many a sentence names or a finding shows",
	`a < time.Millisecond`:             "how a duration is written",
	`a < 10*time.Millisecond`:          "how a duration is written",
	`a < time.Second`:                  "how a duration is written",
	`a < 100*time.Second`:              "how a duration is written",
	`d.Abs() < 48*time.Hour`:           "how a duration is written",
	`2*agree > len(servers)`:           "the majority",
	`2*half > all`:                     "the majority",
	`2*atServers > len(c.Journeys)`:    "the majority",
	`2*(jump-size).Abs() < size.Abs()`: "nearer to one than to none",
	`e.Status >= 500`:                  "HTTP statuses (RFC 9110), and nginx's 499",
	`x.Type == 3`:                      "ICMP types and codes (RFC 792, RFC 4443)",
	`x.Code == 4`:                      "ICMP types and codes (RFC 792, RFC 4443)",
	`x.Code != 4`:                      "ICMP types and codes (RFC 792, RFC 4443)",
	`x.Type == 2`:                      "ICMP types and codes (RFC 792, RFC 4443)",
	`t.Len <= x.MTU-40`:                "headers of IPv4 and TCP",
	`s.Response.Mode == 4`:             "modes of NTP (RFC 5905)",
	`n.MAC == [6]byte{}`:               "link addresses of VRRP and HSRP",
	`m[2] == 0x5e`:                     "link addresses of VRRP and HSRP",
	`m[2] == 0x0c`:                     "link addresses of VRRP and HSRP",
	`m[3] == 0x07`:                     "link addresses of VRRP and HSRP",
	`m[4] == 0xac`:                     "link addresses of VRRP and HSRP",
	`m[3] == 0x9f`:                     "link addresses of VRRP and HSRP",
	`end.Time-n.ACK.Time < int64(c.limit(c.rules["ssh-shed"], atTheDoor))+2*n.RTT`: "two round trips: a question and its answer",
	`answer > 2*trip.Min+int64(c.limit(r, atOnce))`:                                "two round trips: a question and its answer",
	`v <= 1e9`:        "what a case file may set at all",
	`a.Code != 90`:    "alerts of TLS that end nothing (RFC 8446, section 6)",
	`a.Code != 100`:   "alerts of TLS that end nothing (RFC 8446, section 6)",
	`s < 500`:         "HTTP statuses (RFC 9110), and nginx's 499",
	`s != 400`:        "HTTP statuses (RFC 9110), and nginx's 499",
	`s == 499`:        "HTTP statuses (RFC 9110), and nginx's 499",
	`s == 408`:        "HTTP statuses (RFC 9110), and nginx's 499",
	`status == 502`:   "HTTP statuses (RFC 9110), and nginx's 499",
	`status == 504`:   "HTTP statuses (RFC 9110), and nginx's 499",
	`status == 503`:   "HTTP statuses (RFC 9110), and nginx's 499",
	`e.Status < 400`:  "HTTP statuses (RFC 9110), and nginx's 499",
	`e.Status == 499`: "HTTP statuses (RFC 9110), and nginx's 499",
	`status >= 500`:   "HTTP statuses (RFC 9110), and nginx's 499",
}

// named are constants that comparisons may hold.
var named = map[string]string{
	"sshPort": "the port of SSH", "dnsPort": "the port of DNS", "alertBadCertificate": "alerts of TLS", "alertCertificateExpired": "alerts of TLS", "alertCertificateUnknown": "alerts of TLS",
	"maxNamed": "how many a sentence names", "maxProven": "how many a finding shows",
}

// TestNoLiteralSteers: no comparison in this package holds a figure of its own;
// those that steer are thresholds, which a case file can set. 0 and 1 are allowed,
// and 2 beside a count of what happened twice.
func TestNoLiteralSteers(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	used := map[string]bool{}
	constants := numbers(t, files)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(fset, name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			x, ok := n.(*ast.BinaryExpr)
			if !ok || !comparison(x.Op) {
				return true
			}
			for _, side := range []ast.Expr{x.X, x.Y} {
				if id, ok := side.(*ast.Ident); ok && constants[id.Name] && named[id.Name] == "" {
					t.Errorf("%s: %s is a constant that a case file cannot set", fset.Position(x.Pos()), id.Name)
				}
			}
			if figure(x.X, x.Y)+figure(x.Y, x.X) == "" {
				return true
			}
			from, to := fset.Position(x.Pos()).Offset, fset.Position(x.End()).Offset
			text := string(source[from:to])
			if structural[text] == "" {
				t.Errorf("%s: %s compares with a figure of its own", fset.Position(x.Pos()), text)
			}
			used[text] = true
			return true
		})
	}
	for text := range structural {
		if !used[text] {
			t.Errorf("%s is not there any more", text)
		}
	}
}

// numbers are the constants of the package whose value is written as a number.
func numbers(t *testing.T, files []string) map[string]bool {
	out := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for i, value := range v.Values {
					if figure(value, value) != "" {
						out[v.Names[i].Name] = true
					}
				}
			}
		}
	}
	return out
}

func comparison(op token.Token) bool {
	switch op {
	case token.LSS, token.GTR, token.LEQ, token.GEQ, token.EQL, token.NEQ:
		return true
	}
	return false
}

// figure finds a number in one side of a comparison: a literal, or a unit of time.
func figure(side, other ast.Expr) string {
	if l, ok := side.(*ast.BasicLit); ok {
		if l.Kind != token.INT && l.Kind != token.FLOAT || l.Value == "0" || l.Value == "1" {
			return ""
		}
		if call, ok := other.(*ast.CallExpr); ok && l.Value == "2" {
			if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "len" {
				return ""
			}
		}
		return l.Value
	}
	found := ""
	ast.Inspect(side, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.IndexExpr, *ast.CallExpr, *ast.FuncLit:
			return false // an index, or an argument
		case *ast.BasicLit:
			if (x.Kind == token.INT || x.Kind == token.FLOAT) && x.Value != "1" && x.Value != "0" {
				found = x.Value
			}
		case *ast.SelectorExpr:
			if p, ok := x.X.(*ast.Ident); ok && p.Name == "time" {
				found = "time." + x.Sel.Name
			}
		}
		return true
	})
	return found
}
