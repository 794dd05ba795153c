// Package conceal hides the secrets that foreign text shows, wherever it is quoted:
// passwords, tokens, cookies, authorisation headers, keys. Names, addresses and
// times stay; what identifies people is pkg/report/redact's work.
package conceal

import (
	"regexp"
	"strings"
)

// hidden stands for a secret.
const hidden = "•••"

// secretNames are what secrets are called in a query, a form, a header, a JSON
// document or an environment, as the last part of the name.
const secretNames = `pass(?:word|wd|phrase|code)?|pwd|secret|token|(?:api|access|private|master|auth|secret)[_-]?key|session[_-]?(?:id|key)?|sess(?:id)?|jwt|signature|csrf|xsrf|otp|credentials?`

// secrets finds what must not be shown; what each parenthesis holds is the secret.
var secrets = regexp.MustCompile(`(?i)` + strings.Join([]string{
	// A header, with its value up to the quotation mark or the line's end.
	`\b(?:proxy-)?authorization\\?["']?\s*[:=]\s*\\?["']?([^"'\\\r\n]+)`,
	`\b(?:set-)?cookie2?\\?["']?\s*[:=]\s*\\?["']?([^"'\\\r\n]+)`,
	// name=value, "name":"value", name: value, name%3Dvalue.
	`(?:^|[^a-z0-9])(?:[\w.-]*(?:` + secretNames + `)|sid|sig)\\?["']?\s*(?:=|%3d)\s*\\?["']?([^\s"'&;,)}\]\\%]+)`,
	`[?&](?:key|auth|code_verifier)=([^\s"'&;,)}\]\\]+)`,
	`(?:^|[^a-z0-9])[\w.-]*(?:` + secretNames + `)\\?["']\s*:\s*\\?["']?([^"',}\]\\]+)`,
	`\b(?:x-[\w-]*(?:token|key|secret)|password|passwd|passphrase|secret|api[_-]?key|master-key):\s*\\?["']?([^\s"',;\\]+)`,
	// What stands in an address, and after options of programs.
	`://[^/\s:@"']*:([^/\s@"']+)@`,
	`(?:^|\s)(?:-u|--user|-U|--proxy-user)(?:\s+|=|\b)["']?[^\s:"']*:([^\s"']+)`,
	`--(?:oauth2-bearer|(?:[\w-]+-)?password|passphrase|pass)(?:\s+|=)["']?([^\s"']+)`,
	`\bcurl(?:\s[^\n]*?)?\s(?:-b|--cookie)\s*=?["']?([^\s"']*=[^"'\r\n]*?)(?:["']|\s-|$)`,
	`\bsshpass\s+-p\s*["']?([^\s"']+)`,
	// Tokens that tell themselves, and lines of key logs and keys.
	`\bbearer\s+([\w+/.=~-]{16,})`,
	`\b(eyj[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?)`,
	`\b(?:client_random|rsa|[a-z_]+_secret(?:_\d+)?)\s+[0-9a-f]{8,}\s+(\S+)`,
	`-----begin [a-z0-9 ]*private key-----([^\r\n]*)`,
}, "|"))

// stems are parts of what secrets can find: text without any of them, in lower
// case, holds none.
var stems = []string{"pass", "token", "auth", "cookie", "secret", "key", "-----", "pwd", "sess", "jwt", "sig", "sid=", "sid%3d", "csrf", "xsrf", "otp", "credential", "://", " -u", " -b", "--user", "--proxy-user", "bearer", "eyj", "_random", "rsa "}

// starts holds the stems by their first two bytes, see pair; begins tells of most
// text, sooner, that none begins there.
var starts, begins = func() (starts [4096][]string, begins [4096]bool) {
	for _, stem := range stems {
		p := pair(stem[0], stem[1])
		starts[p], begins[p] = append(starts[p], stem), true
	}
	return starts, begins
}()

// pair is the same for letters of either case.
func pair(a, b byte) int { return int(a&0x1f|a&0x40>>1)<<6 | int(b&0x1f|b&0x40>>1) }

// mayHide tells whether any of the stems is in s; an address may hold a password
// only before an @.
func mayHide(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if !begins[pair(s[i], s[i+1])] {
			continue
		}
		for _, stem := range starts[pair(s[i], s[i+1])] {
			if len(s)-i >= len(stem) && strings.EqualFold(s[i:i+len(stem)], stem) && (stem != "://" || strings.IndexByte(s[i:], '@') > 0) {
				return true
			}
		}
	}
	return false
}

// Secrets puts ••• in the place of each secret that s shows.
func Secrets(s string) string {
	if !mayHide(s) {
		return s
	}
	var out strings.Builder
	end := 0
	for _, m := range secrets.FindAllStringSubmatchIndex(s, -1) {
		for g := 2; g < len(m); g += 2 {
			if m[g] >= end && m[g+1] > m[g] {
				out.WriteString(s[end:m[g]])
				out.WriteString(hidden)
				end = m[g+1]
			}
		}
	}
	if end == 0 {
		return s
	}
	return out.String() + s[end:]
}
