package correlate

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/incident"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
)

// Recordings of requests that curl sent side by side over one encrypted
// connection: the wait of each is its own, by what lines and transcripts say of it;
// without any of them it is not told.
func TestParallelStreamsOfIncidents(t *testing.T) {
	for _, name := range []string{"s01_healthy_web", "s02_slow_app", "s11_apache"} {
		t.Run(name, func(t *testing.T) {
			dir := need.Shared(t, "incidents", name)
			truth := parallelTruth(t, filepath.Join(dir, "truth.json"))
			read := func() *incident.Incident {
				inc, err := incident.Read(context.Background(), []string{filepath.Join(dir, "input")}, incident.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return inc
			}
			c := Correlate(read(), Options{})
			for line, want := range truth {
				j := journeyOfLine(c, line)
				if j == nil {
					t.Errorf("%v has no journey", line)
					continue
				}
				p := phaseNamed(j, pcapflow.HTTPWait)
				if p == nil || !p.End.Seen() {
					t.Errorf("%s of %v: no wait is told, %v was waited", j.ID, line, want)
				} else if got := float64(p.End.Time-p.Begin.Time) / 1e9; math.Abs(got-want) > max(0.01, want/10) {
					t.Errorf("%s of %v: waited %v, want %v", j.ID, line, got, want)
				}
			}
			alone := read()
			alone.Logs = nil
			open := 0
			for _, j := range Correlate(alone, Options{}).Journeys {
				checkBreakdown(t, j)
				if j.Exchange == nil || !j.Exchange.Undecided {
					continue
				}
				open++
				if p := phaseNamed(j, pcapflow.HTTPWait); p == nil || p.End.Seen() || p.Reason != reasonParallel {
					t.Errorf("%s: %+v is told of an answer that nothing tells apart", j.ID, p)
				}
			}
			if spread(truth) > 0.05 && open < len(truth) {
				t.Errorf("%d of %d requests side by side are open where the packets alone tell", open, len(truth))
			}
		})
	}
}

// spread is how far the waits are apart, in seconds.
func spread(waits map[lineKey]float64) float64 {
	low, high := math.Inf(1), 0.0
	for _, w := range waits {
		low, high = min(low, w), max(high, w)
	}
	return high - low
}

// parallelTruth are the lines of requests sent side by side, and how long curl
// waited for each answer's first byte, in seconds.
func parallelTruth(t *testing.T, file string) map[lineKey]float64 {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Requests []struct {
			truthRequest
			Args []string
		}
	}
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	want := map[lineKey]float64{}
	for _, r := range truth.Requests {
		if slices.Contains(r.Args, "--parallel") && r.Log != nil && r.Curl != nil && strings.HasPrefix(r.Log.HTTP, "HTTP/2") {
			want[lineKey{r.Log.File, r.Log.Line}] = r.Curl.StartTransfer - r.Curl.PreTransfer
		}
	}
	if len(want) < 3 {
		t.Fatalf("%s: %d requests side by side", file, len(want))
	}
	return want
}

func journeyOfLine(c *Case, k lineKey) *Journey {
	for _, j := range c.Journeys {
		for _, l := range j.Lines {
			if l.Status == "matched" && "input/"+l.Log.File.Path == k.file && l.Log.Events[l.Event].Line == k.line {
				return j
			}
		}
	}
	return nil
}

func phaseNamed(j *Journey, name pcapflow.PhaseName) *Phase {
	for i := range j.Phases {
		if j.Phases[i].Name == name {
			return &j.Phases[i]
		}
	}
	return nil
}

// Records are shared out by sizes where but one way fits, and only then.
func TestDivideRecords(t *testing.T) {
	run := func(records []int, bodies ...int64) []*parallel {
		x := &pcapflow.Exchange{RequestLast: pcapflow.Stamp{Time: 1, Frame: 1}}
		for i, n := range records {
			at := pcapflow.Stamp{Time: int64(i+1) * 100 * msec, Frame: i + 2}
			x.Answers = append(x.Answers, pcapflow.AnswerRecord{First: at, Last: at, Bytes: n})
		}
		var list []*parallel
		for _, body := range bodies {
			list = append(list, &parallel{journey: &Journey{Exchange: x}, answers: x.Answers, first: allTrue(len(records)), last: allTrue(len(records)), body: body})
		}
		divideRecords(list)
		return list
	}
	for _, x := range []struct {
		name    string
		records []int
		bodies  []int64
		want    []int // by request: its first record; -1: open
	}{
		{"each size once", []int{16384, 7800, 5100, 80}, []int64{40, 24000, 5000}, []int{3, 0, 2}},
		{"two alike", []int{90, 91, 9000}, []int64{40, 40, 8900}, []int{-1, -1, 2}},
		{"a size unknown", []int{90, 9000}, []int64{40, -1}, []int{-1, -1}},
		{"more records than said", []int{90, 9000, 9000}, []int64{40, 8900}, []int{-1, -1}},
	} {
		list := run(x.records, x.bodies...)
		for i, p := range list {
			at, ok := p.one(p.first)
			if !ok {
				at = -1
			}
			if at != x.want[i] {
				t.Errorf("%s: request %d begins with record %d, want %d", x.name, i, at, x.want[i])
			}
		}
	}
}
