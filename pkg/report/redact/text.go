package redact

import (
	"cmp"
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/net/publicsuffix"
)

var (
	piece = regexp.MustCompile(`[\pL\pN]+`)
	// chunk is what may be an address, a name, a path, a URL or words in a row.
	chunk  = regexp.MustCompile(`[^\s"'<>(){},;|=]+`)
	quoted = regexp.MustCompile(`"[^"]*"|“[^”]*”|«[^»]*»|'[^' ]*'`)
	dotted = regexp.MustCompile(`\d{1,3}(?:\.\d{1,3}){3}`) // an address within a word
	mac    = regexp.MustCompile(`^(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$`)
	stamp  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?:?$`)
	amount = regexp.MustCompile(`^\d+(ns|us|µs|ms|s|m|h|b|kb|mb|kib|mib)$`)
	hexes  = regexp.MustCompile(`^[0-9A-Fa-f]{12,}$`)
)

// Foreign replaces every word of a text that others wrote, but for known ones.
func (r *Redactor) Foreign(s string) string {
	return chunk.ReplaceAllStringFunc(s, func(c string) string {
		if stamp.MatchString(c) {
			return c
		}
		head, body, tail := trimmed(c)
		if out, ok := r.special(body, true); ok {
			return head + out + tail
		}
		body = dotted.ReplaceAllStringFunc(body, func(a string) string {
			out, _ := r.address(a)
			return cmp.Or(out, a)
		})
		return head + r.pieces(body, wordKind) + tail
	})
}

// Sentence replaces what stands in a sentence of our own: quotations are
// foreign text; addresses, names, files and paths are replaced; other words stay
// unless they are known to be somebody's.
func (r *Redactor) Sentence(s string) string {
	var out strings.Builder
	at := 0
	for _, q := range quoted.FindAllStringIndex(s, -1) {
		out.WriteString(r.plain(s[at:q[0]]))
		out.WriteString(r.Foreign(s[q[0]:q[1]]))
		at = q[1]
	}
	out.WriteString(r.plain(s[at:]))
	return out.String()
}

func (r *Redactor) plain(s string) string {
	return chunk.ReplaceAllStringFunc(s, func(c string) string {
		head, body, tail := trimmed(c)
		if f, ok := r.files[body]; ok {
			return head + f + tail
		}
		if out, ok := r.special(body, false); ok {
			return head + out + tail
		}
		return head + piece.ReplaceAllStringFunc(body, func(w string) string {
			if out, ok := r.words[strings.ToLower(w)]; ok && (r.forced[strings.ToLower(w)] || len(w) > 3) {
				return out
			}
			return w
		}) + tail
	})
}

// trimmed takes punctuation of the sentence off a chunk.
func trimmed(c string) (head, body, tail string) {
	body = strings.TrimLeft(c, ".:-*#!?@")
	head = c[:len(c)-len(body)]
	end := strings.TrimRight(body, ".:!?…")
	if strings.HasPrefix(c, "::") { // an IPv6 address begins so
		head, end = "", strings.TrimRight(c, ".!?…")
		body = c
	}
	return head, end, body[len(end):]
}

// special replaces what is recognised by its form.
func (r *Redactor) special(s string, foreign bool) (string, bool) {
	if out, ok := r.address(s); ok {
		return out, true
	}
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		host, path, slash := strings.Cut(rest, "/")
		if out, ok := r.address(host); ok {
			host = out
		} else {
			host = r.hostPort(host)
		}
		if slash {
			path = "/" + r.pieces(path, pathKind)
		}
		return scheme + "://" + host + path, true
	}
	switch {
	case strings.HasPrefix(s, "/") && len(s) > 1:
		return r.pieces(s, pathKind), true
	case mac.MatchString(s):
		return r.word(strings.NewReplacer(":", "", "-", "").Replace(s), idKind), true
	case hexes.MatchString(s) && !isNumber(s):
		return r.word(s, idKind), true
	}
	if strings.HasSuffix(s, "@openssh.com") || strings.HasSuffix(s, "@libssh.org") {
		return s, true // names of algorithms
	}
	if at := strings.LastIndexByte(s, '@'); at > 0 && (foreign || strings.Contains(s[at:], ".")) {
		for _, w := range piece.FindAllString(s[:at], -1) {
			r.force(w, userKind)
		}
		return r.pieces(s[:at], userKind) + "@" + r.hostPort(s[at+1:]), true
	}
	if host, _, _ := strings.Cut(s, ":"); looksLikeName(host) {
		return r.hostPort(s), true
	}
	return "", false
}

// hostPort replaces a name with an optional port behind it.
func (r *Redactor) hostPort(s string) string {
	if i := strings.LastIndexByte(s, ':'); i > 0 && isNumber(s[i+1:]) {
		return r.name(s[:i]) + s[i:]
	}
	return r.name(s)
}

// address replaces an address with what may stand around it: brackets, a port
// behind a colon, a full stop or a "#", a prefix length.
func (r *Redactor) address(s string) (string, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return r.addresses.replace(a).String(), true
	}
	if p, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(r.addresses.replace(p.Addr()), p.Port()).String(), true
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		if out, ok := r.address(s[1 : len(s)-1]); ok {
			return "[" + out + "]", true
		}
	}
	for _, mark := range []string{"#", "/", ":", "."} {
		i := strings.LastIndex(s, mark)
		if i <= 0 || !isNumber(s[i+1:]) {
			continue
		}
		if a, err := netip.ParseAddr(strings.Trim(s[:i], "[]")); err == nil {
			return strings.Replace(s[:i], strings.Trim(s[:i], "[]"), r.addresses.replace(a).String(), 1) + s[i:], true
		}
	}
	return "", false
}

// notNames have the form of a domain name and are none.
var notNames = map[string]bool{"ntp.exchange": true, "dns.qry.name": true, "dns.resp.name": true, "frame.time": true}

// looksLikeName tells whether a word with dots ends as names of hosts do.
func looksLikeName(s string) bool {
	low := strings.ToLower(strings.TrimSuffix(s, "."))
	if !strings.Contains(low, ".") || notNames[low] || strings.ContainsAny(low, "/_ ") && !strings.Contains(low, "_") {
		return false
	}
	suffix, icann := publicsuffix.PublicSuffix(low)
	return (icann || localSuffixes[suffix]) && low != suffix && !isNumber(suffix)
}
