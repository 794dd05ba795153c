package logparse

import (
	"net/url"
	"strings"
)

// curlCommand is what a prompt tells of a run.
type curlCommand struct {
	known    bool
	at       place
	urls     []string
	method   string
	parallel bool
	glob     bool
	template *curlTemplate
}

// urlOf is the URL of the i-th of n transfers, "" where it is not certain.
func (c *curlCommand) urlOf(i, n int) string {
	switch {
	case len(c.urls) == 1 && n == 1:
		return c.urls[0]
	case c.parallel || c.glob || n > len(c.urls) || i >= len(c.urls):
		return ""
	}
	return c.urls[i]
}

// host is the host of all URLs, "" if they differ.
func (c *curlCommand) host() string {
	name := ""
	for i, s := range c.urls {
		u, err := url.Parse(s)
		if err != nil || i > 0 && lowerName([]byte(u.Hostname())) != name {
			return ""
		}
		name = lowerName([]byte(u.Hostname()))
	}
	return name
}

// curlWithArgument are the options that take a word. Others take none, and
// what is left is a URL.
var curlWithArgument = map[string]bool{
	"-A": true, "-b": true, "-c": true, "-C": true, "-d": true, "-D": true, "-e": true, "-E": true, "-F": true, "-h": true, "-H": true, "-K": true, "-m": true, "-o": true,
	"-P": true, "-Q": true, "-r": true, "-t": true, "-T": true, "-u": true, "-U": true, "-w": true, "-x": true, "-X": true, "-y": true, "-Y": true, "-z": true,
	"--alt-svc": true, "--aws-sigv4": true, "--cacert": true, "--capath": true, "--cert": true, "--cert-type": true, "--ciphers": true, "--config": true,
	"--connect-timeout": true, "--connect-to": true, "--continue-at": true, "--cookie": true, "--cookie-jar": true, "--curves": true, "--data": true,
	"--data-ascii": true, "--data-binary": true, "--data-raw": true, "--data-urlencode": true, "--dns-interface": true, "--dns-ipv4-addr": true,
	"--dns-servers": true, "--doh-url": true, "--dump-header": true, "--expect100-timeout": true, "--form": true, "--form-string": true,
	"--happy-eyeballs-timeout-ms": true, "--header": true, "--interface": true, "--json": true, "--keepalive-time": true, "--key": true, "--key-type": true,
	"--limit-rate": true, "--local-port": true, "--max-filesize": true, "--max-redirs": true, "--max-time": true, "--netrc-file": true, "--noproxy": true,
	"--output": true, "--output-dir": true, "--parallel-max": true, "--pass": true, "--pinnedpubkey": true, "--preproxy": true, "--proto": true, "--proxy": true,
	"--proxy-header": true, "--proxy-user": true, "--range": true, "--rate": true, "--referer": true, "--request": true, "--request-target": true,
	"--resolve": true, "--retry": true, "--retry-delay": true, "--retry-max-time": true, "--socks4": true, "--socks5": true, "--socks5-hostname": true,
	"--speed-limit": true, "--speed-time": true, "--stderr": true, "--tls-max": true, "--tls13-ciphers": true, "--trace": true, "--trace-ascii": true,
	"--unix-socket": true, "--upload-file": true, "--url": true, "--url-query": true, "--user": true, "--user-agent": true, "--variable": true, "--write-out": true,
}

// readCurlCommand reads the words after "curl".
func readCurlCommand(args []string) curlCommand {
	c := curlCommand{method: "GET"}
	explicit, noGlob := false, false
	for i := 0; i < len(args); i++ {
		a := args[i]
		option, value := a, ""
		switch {
		case a == "|" || a == ">" || a == ">>" || a == "&&" || a == ";" || strings.HasPrefix(a, "2>"):
			i = len(args)
			continue
		case len(a) > 2 && a[0] == '-' && a[1] != '-': // -sSo/dev/null
			option = ""
			for k := 1; k < len(a) && option == ""; k++ {
				letter := "-" + a[k:k+1]
				if curlWithArgument[letter] {
					option, value = letter, a[k+1:]
				} else {
					c.flag(letter, &explicit, &noGlob)
				}
			}
			if option == "" {
				continue
			}
		case len(a) < 2 || a[0] != '-':
			c.address(a)
			continue
		}
		if !curlWithArgument[option] {
			c.flag(option, &explicit, &noGlob)
			continue
		}
		if value == "" && i+1 < len(args) {
			i++
			value = args[i]
		}
		switch option {
		case "-w", "--write-out":
			if !strings.HasPrefix(value, "@") {
				c.template = compileCurlTemplate(value)
			}
		case "-X", "--request":
			c.method, explicit = value, true
		case "-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--data-urlencode", "-F", "--form", "--json":
			if !explicit {
				c.method = "POST"
			}
		case "-T", "--upload-file":
			if !explicit {
				c.method = "PUT"
			}
		case "--url":
			c.address(value)
		}
	}
	if noGlob {
		c.glob = false
	}
	return c
}

func (c *curlCommand) flag(option string, explicit, noGlob *bool) {
	switch option {
	case "-I", "--head":
		if !*explicit {
			c.method = "HEAD"
		}
	case "-Z", "--parallel":
		c.parallel = true
	case "-g", "--globoff":
		*noGlob = true
	}
}

func (c *curlCommand) address(a string) {
	if !strings.Contains(a, "://") {
		a = "http://" + a
	}
	if rest := a[strings.Index(a, "://")+3:]; strings.ContainsAny(rest, "{}") || strings.Contains(rest, "-") && strings.LastIndexByte(rest, '[') > 0 {
		c.glob = true // [1-9], {a,b}; an IPv6 address begins with its bracket
	}
	if len(c.urls) < maxPending {
		c.urls = append(c.urls, a)
	}
}
