package logparse_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/logparse"
)

// A line of nginx says when a request ended, and how long it took.
func ExampleFormat() {
	text := `10.1.1.7 - - [22/Nov/2026:11:07:44 +0100] "GET /a HTTP/1.1" 200 812 "-" "curl/7.88.1" rt=0.549` + "\n"
	format := logparse.ByName("nginx-access")
	lines := format.Open(strings.NewReader(text), logparse.Source{Path: "access.log"})
	var e logparse.Event
	for lines.Next(&e) == nil {
		fmt.Println(time.Unix(0, e.Time).UTC().Format(time.RFC3339), e.Means, e.Client.Addr(), e.Method, e.Path, e.Status)
	}
	// Output: 2026-11-22T10:07:44Z request-end 10.1.1.7 GET /a 200
}
