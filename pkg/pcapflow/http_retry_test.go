package pcapflow

import (
	"strings"
	"testing"
	"time"
)

// TestRetryAfter: seconds, and an instant counted from the server's own Date wherever it
// stands; what is no number and no date, or in the past, asks for nothing.
func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		fields string
		want   time.Duration
	}{
		{"Retry-After: 30", 30 * time.Second},
		{"retry-after:  120 ", 2 * time.Minute},
		{"Retry-After: Sun, 22 Nov 2026 10:01:00 GMT\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT", time.Minute},
		{"Date: Sun, 22 Nov 2026 10:00:00 GMT\r\nRetry-After: Sun, 22 Nov 2026 10:01:00 GMT", time.Minute},
		{"Date: Sun, 22 Nov 2026 10:00:00 GMT\r\nRetry-After: Sun, 22 Nov 2026 09:59:00 GMT", 0},
		{"Retry-After: Sun, 22 Nov 2026 10:01:00 GMT", 0},
		{"Retry-After: 0", 0},
		{"Retry-After: -5", 0},
		{"Retry-After: 9223372036854775807", 0},
		{"Retry-After: soon", 0},
		{"Retry-After:", 0},
	} {
		f := follow(httpDissector, nil, []piece{
			{Client, Stamp{1e6, 1}, []byte("GET / HTTP/1.1\r\nHost: a\r\nRetry-After: 7\r\n\r\n")},
			{Server, Stamp{2e6, 2}, []byte("HTTP/1.1 503 Later\r\nContent-Length: 0\r\n" + c.fields + "\r\n\r\n")},
		})
		if got := time.Duration(f.HTTP[0].RetryWait()); got != c.want {
			t.Errorf("%s: %v, want %v", strings.ReplaceAll(c.fields, "\r\n", ", "), got, c.want)
		}
	}
}
