package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// say fills a sentence in the case's language. Durations are written as people
// read them; both languages write numbers alike. In {one|many} the first word
// stands where the number before it is 1.
func (c *Case) say(t lang.Text, args ...any) string {
	return fill(t.In(c.Lang), args...)
}

func fill(format string, args ...any) string {
	format = inflect(format, args)
	for i, a := range args {
		if d, ok := a.(time.Duration); ok {
			args[i] = span(d)
		}
	}
	return fmt.Sprintf(format, args...)
}

// inflect chooses the words of {one|many} by the integer before them.
func inflect(format string, args []any) string {
	if !strings.Contains(format, "{") {
		return format
	}
	var b strings.Builder
	one, arg := false, 0
	for i := 0; i < len(format); i++ {
		switch format[i] {
		case '%':
			if i+1 < len(format) && format[i+1] == '%' {
				b.WriteString("%%")
				i++
				continue
			}
			if arg < len(args) {
				if n, ok := args[arg].(int); ok {
					one = n == 1
				}
				if n, ok := args[arg].(int64); ok {
					one = n == 1
				}
			}
			arg++
		case '{':
			words, rest, ok := strings.Cut(format[i+1:], "}")
			if first, second, choice := strings.Cut(words, "|"); ok && choice {
				if one {
					b.WriteString(first)
				} else {
					b.WriteString(second)
				}
				i = len(format) - len(rest) - 1
				continue
			}
		}
		b.WriteByte(format[i])
	}
	return b.String()
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
