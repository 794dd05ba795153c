package report

import "testing"

func BenchmarkAppendEvent(b *testing.B) {
	e := sampleEvent()
	e.Path, e.Agent = "/static/js/chunk-09c99f.js", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
	var line []byte
	for b.Loop() {
		line = AppendEvent(line[:0], "web/access.log", e)
	}
	b.SetBytes(int64(len(line)))
}
