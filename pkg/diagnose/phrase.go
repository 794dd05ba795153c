package diagnose

import (
	"fmt"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// say fills a sentence in the case's language. Durations are written as people
// read them; both languages write numbers alike.
func (c *Case) say(t lang.Text, args ...any) string {
	for i, a := range args {
		if d, ok := a.(time.Duration); ok {
			args[i] = span(d)
		}
	}
	return fmt.Sprintf(t.In(c.Lang), args...)
}

// span writes a duration: three significant digits, in µs, ms or s.
func span(d time.Duration) string {
	a := d.Abs()
	switch {
	case a < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case a < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	case a < time.Second:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	case a < 100*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// percent writes a share.
func percent(part, whole time.Duration) string {
	if whole <= 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(whole))
}

// shorten cuts a text to n characters.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
