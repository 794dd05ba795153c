package logparse

import (
	"bytes"
	"net/http"
	"strings"
	"time"
)

// Which of nginx and Apache wrote a file in their common format decides what
// its stamps mean. The lines themselves tell it at times:
//
//   - nginx: times with three decimals behind the agent; a status of its own
//     (444, 494 to 497, 499); escapes \x22, \x5C and in capital digits; no body
//     written as 0; the size of its own error pages.
//   - Apache: escapes \" \\ \n and in small digits; no body written as "-"
//     (%b); its internal dummy connection; single lines out of order, since it
//     writes at the end and stamps the start. A virtual host in front, as in its
//     vhost_combined, speaks for it once, and not enough: an nginx told to write
//     $host:$server_port does so in each line.
type serverVotes struct {
	nginx, apache int
	why           string // the first sign of the server that leads
}

// leader is the server the signs speak for, "" where they do not suffice or
// disagree.
func (v serverVotes) leader() string {
	switch {
	case v.nginx >= 2 && v.nginx > 3*v.apache:
		return "nginx"
	case v.apache >= 2 && v.apache > 3*v.nginx:
		return "apache"
	}
	return ""
}

// maxServerLines bounds the lines looked at for signs.
const maxServerLines = 500

// serverSigns looks for signs of the server in lines of the common format.
func serverSigns(head []byte) serverVotes {
	var v serverVotes
	var nginxWhy, apacheWhy string
	sign := func(count *int, why *string, points int, text string) {
		*count += points
		if *why == "" {
			*why = text
		}
	}
	in := linesOf(head)
	a := access{}
	var e Event
	var before, dip int64
	hosted := false
	for in.line < maxServerLines {
		line, err := in.next()
		if err != nil {
			break
		}
		e.clear()
		if !a.line(line, &e) {
			continue
		}
		if line[0] == '{' {
			if a.json.record.nginx >= 2 {
				sign(&v.nginx, &nginxWhy, 2, "names of nginx's variables")
			}
			continue
		}
		if e.Name != "" && !hosted {
			hosted = true
			sign(&v.apache, &apacheWhy, 1, "a virtual host in front of the client")
		}
		for _, s := range lineSigns(line, &e) {
			if s.nginx {
				sign(&v.nginx, &nginxWhy, s.points, s.text)
			} else {
				sign(&v.apache, &apacheWhy, s.points, s.text)
			}
		}
		// A line two seconds older than the one before, followed by one that
		// is not: a long request that was stamped at its start.
		const two = 2e9
		if dip != 0 && e.Time >= dip {
			sign(&v.apache, &apacheWhy, 1, "single lines are out of order")
		}
		dip = 0
		if before != 0 && e.Time <= before-two {
			dip = before
		} else {
			before = e.Time
		}
	}
	switch v.leader() {
	case "nginx":
		v.why = nginxWhy
	case "apache":
		v.why = apacheWhy
	}
	return v
}

type serverSign struct {
	nginx  bool
	points int
	text   string
}

func lineSigns(line []byte, e *Event) (signs []serverSign) {
	nginx := func(points int, text string) { signs = append(signs, serverSign{true, points, text}) }
	apache := func(points int, text string) { signs = append(signs, serverSign{false, points, text}) }
	switch {
	case e.Duration >= 0 && e.DurationWidth == time.Second && len(e.Upstream) == 0:
		apache(2, "a time in whole seconds (%T)") // nginx's have three decimals
	case e.Duration >= 0 || len(e.Upstream) > 0:
		nginx(2, "times as nginx writes them behind the agent")
	case e.Status == 444 || e.Status == 499 || e.Status >= 494 && e.Status <= 497:
		nginx(2, "a status only nginx has")
	}
	switch {
	case e.Body == 0 && e.Size < 0:
		apache(2, "an empty body is written as \"-\"")
	case e.Size == 0 && (e.Status == 304 || e.Status == 204 || e.Method == "HEAD"):
		nginx(2, "an empty body is written as 0")
	case e.Size > 0 && e.Size == nginxPage(e.Status, len("nginx")):
		nginx(1, "an error page has the size of nginx's own")
	case e.Size > 0 && (e.Size == nginxPage(e.Status, len("nginx/1.2.3")+1) || e.Size == nginxPage(e.Status, len("nginx/1.2.3")+2)):
		nginx(1, "an error page has the size of nginx's own")
	}
	if strings.Contains(e.Agent, "(internal dummy connection)") {
		apache(2, "Apache's internal dummy connection")
	}
	for b := line; ; {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 >= len(b) {
			return signs
		}
		if c := b[i+1]; c == '"' || c == '\\' || c == 'n' || c == 'r' || c == 't' {
			apache(2, "escapes as Apache writes them")
			return signs
		}
		if i+3 < len(b) && b[i+1] == 'x' {
			switch hex := string(b[i+2 : i+4]); {
			case hex == "22" || hex == "5C" || strings.ContainsAny(hex, "ABCDEF"):
				nginx(2, "escapes as nginx writes them")
				return signs
			case strings.ContainsAny(hex, "abcdef"):
				apache(2, "escapes as Apache writes them")
				return signs
			}
		}
		b = b[i+2:]
	}
}

// nginxPage is the size of the page that nginx answers an error with when it
// names itself with so many letters (ngx_http_special_response.c); 0 for a
// status that has none or a name of its own.
func nginxPage(status, letters int) int64 {
	title := http.StatusText(status)
	if status < 301 || title == "" || status == 304 {
		return 0
	}
	const frame = len("<html>\r\n<head><title></title></head>\r\n<body>\r\n<center><h1></h1></center>\r\n<hr><center></center>\r\n</body>\r\n</html>\r\n")
	return int64(frame + 2*(len("404 ")+len(title)) + letters)
}

// accessScore is the Score of the three readings of the common format: all
// equal where the lines tell nothing, so that the path may.
func accessScore(server string) func([]byte) int {
	return func(head []byte) int {
		score := scoreLines(head, 80, (&access{}).line)
		if score == 0 {
			return 0
		}
		switch leader := serverSigns(head).leader(); {
		case leader == "":
			return score
		case leader == server:
			return score + 10
		}
		return score / 2
	}
}

func accessWhy(head []byte) string {
	if v := serverSigns(head); v.leader() != "" {
		return v.why
	}
	return "nothing in the lines tells nginx, which stamps the end of a request, from Apache, which stamps its start"
}

// The three readings. accessLog is the one where nobody knows which server
// wrote the file: its stamps mean either end.
var (
	accessLog    = &Format{Name: "access-log", Score: accessScore(""), Apart: true, Open: openAccess(""), Why: accessWhy}
	nginxAccess  = &Format{Name: "nginx-access", Score: accessScore("nginx"), Apart: true, Open: openAccess("nginx"), Why: accessWhy, Hints: []string{"nginx"}}
	apacheAccess = &Format{Name: "apache-access", Score: accessScore("apache"), Apart: true, Open: openAccess("apache"), Why: accessWhy, Hints: []string{"apache", "httpd", "other_vhosts"}}
)
