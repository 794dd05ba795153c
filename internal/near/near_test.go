package near

import "testing"

func TestWord(t *testing.T) {
	words := []string{"report", "render", "rules", "flows", "compare", "min-total", "offset", "lab", "text", "html"}
	for word, want := range map[string]string{
		"reprot": "report", "raport": "report", "flow": "flows", "comp": "compare", "mintotal": "min-total", "min-totl": "min-total",
		"ofset": "offset", "Rules": "rules", "zzz": "", "x": "", "a": "", "lb": "lab", "yaml": "", "htm": "html", "txt": "text",
	} {
		if got := Word(word, words); got != want {
			t.Errorf("%q: nearest is %q, want %q", word, got, want)
		}
	}
}

// TestDistance: Damerau's four operations, each counted once (values by hand).
func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"año", "ano", 1}, {"reprot", "report", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
