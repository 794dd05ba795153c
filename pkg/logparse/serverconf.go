package logparse

import (
	"bytes"
	"io"
	"path"
	"strings"
)

// ServerConfig is what a configuration of nginx or Apache says of the logs it
// has written.
type ServerConfig struct {
	Server string // "nginx" or "apache"
	Logs   []ConfiguredLog
	// Formats are the formats by name. One that no directive refers to may
	// still be that of a log whose directive is in another file.
	Formats map[string]string
}

// ConfiguredLog is one access log.
type ConfiguredLog struct {
	Path     string // as written
	Format   string // name of its format, "" where it is written in place
	Template string // for Source.Template; "" where the name is not known
}

// serverConfig recognises such a file, so that it is not taken for a log. It
// gives no events.
var serverConfig = &Format{
	Name: "server-config",
	Score: func(head []byte) int {
		c := ReadServerConfig(head)
		switch {
		case len(c.Logs) > 0 || len(c.Formats) > 0:
			return 80
		case c.Server != "":
			return 50
		}
		return 0
	},
	Open: func(r io.Reader, _ Source) Decoder {
		return newLineDecoder(r, func([]byte, *Event) bool { return true })
	},
	Hints: []string{"nginx.conf", "apache2.conf", "httpd.conf", "sites-"},
}

// Template is the template of a log by the name of its file; "" where the
// configuration does not tell, or tells two things.
func (c *ServerConfig) Template(file string) string {
	found := ""
	for _, l := range c.Logs {
		if l.Template == "" || path.Base(l.Path) != unrotated(file) {
			continue
		}
		if found != "" && found != l.Template {
			return ""
		}
		found = l.Template
	}
	return found
}

// unrotated is the name that a log had before it was rotated and packed:
// access.log of access.log.2.gz and access.log-20261122.
func unrotated(file string) string {
	name := path.Base(file)
	for _, packing := range [...]string{".gz", ".zst", ".xz", ".lz4", ".bz2"} {
		name = strings.TrimSuffix(name, packing)
	}
	if i := strings.LastIndexAny(name, ".-"); i > 0 && i+1 < len(name) && strings.Trim(name[i+1:], "0123456789") == "" {
		name = name[:i]
	}
	return name
}

// ReadServerConfig reads the logs of a configuration; Server is "" for a text
// that is none.
func ReadServerConfig(text []byte) ServerConfig {
	c := ServerConfig{Formats: map[string]string{}}
	nginx, apache := nginxDirectives(text), apacheDirectives(text)
	switch {
	case nginx > apache:
		c.Server = "nginx"
		c.readNginx(text)
	case apache > 0:
		c.Server = "apache"
		c.readApache(text)
	}
	for i := range c.Logs {
		if l := &c.Logs[i]; l.Template == "" {
			l.Template = c.Formats[l.Format]
		}
	}
	return c
}

// nginxDirectives counts lines that only a configuration of nginx has.
func nginxDirectives(text []byte) (n int) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		for _, d := range [...]string{"log_format ", "access_log ", "worker_processes ", "worker_connections ", "proxy_pass ", "server_name ", "listen ", "error_log ", "fastcgi_pass "} {
			if bytes.HasPrefix(line, []byte(d)) && (bytes.HasSuffix(line, []byte{';'}) || d == "log_format ") {
				n++
			}
		}
	}
	return n
}

// apacheDirectives counts lines that only a configuration of Apache has.
func apacheDirectives(text []byte) (n int) {
	for line := range bytes.Lines(text) {
		line = bytes.ToLower(bytes.TrimSpace(line))
		for _, d := range [...]string{"logformat ", "customlog ", "transferlog ", "errorlog ", "errorlogformat ", "<virtualhost ", "documentroot ", "servername ", "<directory ", "loadmodule ", "serverroot "} {
			if bytes.HasPrefix(line, []byte(d)) && !bytes.HasSuffix(line, []byte{';'}) {
				n++
			}
		}
	}
	return n
}

// readNginx reads log_format and access_log.
func (c *ServerConfig) readNginx(text []byte) {
	c.Formats["combined"] = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`
	var words []string
	for len(text) > 0 {
		var word string
		var end bool
		word, end, text = nginxWord(text)
		if word != "" || !end {
			words = append(words, word)
		}
		if !end && len(words) < 100 {
			continue
		}
		switch {
		case len(words) > 2 && words[0] == "log_format":
			format := words[2:]
			escape := ""
			if strings.HasPrefix(format[0], "escape=") && len(format) > 1 {
				escape, format = format[0]+" ", format[1:]
			}
			c.Formats[words[1]] = escape + strings.Join(format, "")
		case len(words) > 1 && words[0] == "access_log" && words[1] != "off" && !strings.HasPrefix(words[1], "syslog:"):
			l := ConfiguredLog{Path: words[1], Format: "combined"}
			if len(words) > 2 && !strings.Contains(words[2], "=") {
				l.Format = words[2]
			}
			c.Logs = append(c.Logs, l)
		}
		words = words[:0]
	}
	if len(c.Formats) == 1 && len(c.Logs) == 0 {
		delete(c.Formats, "combined")
	}
}

// nginxWord reads the next word of a configuration, quoted or bare; end tells
// that it ends a directive.
func nginxWord(b []byte) (word string, end bool, rest []byte) {
	for {
		b = bytes.TrimLeft(b, " \t\r\n")
		if len(b) == 0 {
			return "", true, nil
		}
		if b[0] != '#' {
			break
		}
		_, b, _ = cutAt(b, '\n')
	}
	switch b[0] {
	case ';', '{', '}':
		return "", true, b[1:]
	case '"', '\'':
		var w []byte
		for i := 1; i < len(b); i++ {
			switch {
			case b[i] == b[0]:
				return string(w), false, b[i+1:]
			case b[i] == '\\' && i+1 < len(b) && (b[i+1] == b[0] || b[i+1] == '\\'):
				i++
				w = append(w, b[i])
			default:
				w = append(w, b[i])
			}
		}
		return string(w), true, nil
	}
	i := 0
	for i < len(b) && !strings.ContainsRune(" \t\r\n;{}", rune(b[i])) {
		if b[i] == '$' && i+1 < len(b) && b[i+1] == '{' { // ${name}
			if j := bytes.IndexByte(b[i:], '}'); j > 0 {
				i += j
			}
		}
		i++
	}
	return string(b[:i]), false, b[i:]
}

// readApache reads LogFormat, CustomLog and TransferLog.
func (c *ServerConfig) readApache(text []byte) {
	unnamed := apacheNicknames["common"]
	for line := range bytes.Lines(text) {
		words := apacheWords(string(bytes.TrimSpace(line)))
		if len(words) < 2 {
			continue
		}
		switch strings.ToLower(words[0]) {
		case "logformat":
			if len(words) > 2 {
				c.Formats[words[2]] = words[1]
			} else {
				unnamed = words[1]
			}
		case "customlog":
			if len(words) < 3 || strings.HasPrefix(words[1], "|") {
				continue
			}
			l := ConfiguredLog{Path: words[1], Format: words[2]}
			if strings.Contains(words[2], "%") {
				l.Format, l.Template = "", words[2]
			}
			c.Logs = append(c.Logs, l)
		case "transferlog":
			if !strings.HasPrefix(words[1], "|") {
				c.Logs = append(c.Logs, ConfiguredLog{Path: words[1], Template: unnamed})
			}
		}
	}
}

// apacheWords cuts a directive at spaces outside quotation marks; a backslash
// before a quotation mark takes its meaning.
func apacheWords(s string) (words []string) {
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == '#' {
			return words
		}
		if s[0] != '"' && s[0] != '\'' {
			i := strings.IndexAny(s, " \t")
			if i < 0 {
				i = len(s)
			}
			words, s = append(words, s[:i]), s[i:]
			continue
		}
		var w []byte
		i := 1
		for ; i < len(s) && s[i] != s[0]; i++ {
			if s[i] == '\\' && i+1 < len(s) && s[i+1] == s[0] {
				i++
			}
			w = append(w, s[i])
		}
		words, s = append(words, string(w)), s[min(i+1, len(s)):]
	}
}
