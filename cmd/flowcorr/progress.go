package main

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// patience is how long work may take before its progress is shown.
const patience = 2 * time.Second

// progress shows how much of the evidence was read, how fast, and how long the
// rest will take. nil is a progress that nobody sees.
type progress struct {
	read   atomic.Int64
	stage  atomic.Pointer[string]
	items  atomic.Pointer[string] // how many files are done, where that is counted
	total  int64                  // bytes; 0: not known
	begun  time.Time
	mu     sync.Mutex
	timer  *time.Timer
	screen *mpb.Progress
	bar    *mpb.Bar
	narrow bool // there is no room for a bar, and little for figures
}

// watchProgress begins to count; it shows something on a terminal alone, after
// a while, and not with --quiet. passes is how often the bytes under paths count.
func (env *environment) watchProgress(paths []string, passes int64) *progress {
	f, ok := env.diag.(*os.File)
	if !ok || !isTerminal(f) || env.options.quiet {
		return nil
	}
	if env.only != nil {
		paths = slices.Collect(maps.Keys(env.only))
	}
	return newProgress(f, passes*sizeOf(paths), patience, env.say(lang.Text{EN: "reading", ES: "leyendo"}))
}

func newProgress(w io.Writer, total int64, wait time.Duration, stage string, options ...mpb.ContainerOption) *progress {
	p := &progress{total: total, begun: time.Now()}
	p.stage.Store(&stage)
	p.count("")
	p.mu.Lock() // a short wait may be over before the timer is kept
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(wait, func() { p.show(w, options) })
	return p
}

// show puts the bar on the screen.
func (p *progress) show(w io.Writer, options []mpb.ContainerOption) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil { // done meanwhile
		return
	}
	p.screen = mpb.New(append(options, mpb.WithOutput(w), mpb.WithRefreshRate(200*time.Millisecond))...)
	rest := decor.Any(func(s decor.Statistics) string { return p.rest(s.Current) })
	p.bar = p.screen.New(p.total, mpb.BarStyle().Lbound("▕").Rbound("▏").Filler("█").Tip("█").Padding(" "), mpb.BarWidth(24),
		mpb.PrependDecorators(decor.Any(func(s decor.Statistics) string {
			p.narrow = s.AvailableWidth < 60
			return *p.stage.Load() + " "
		})),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string { return p.amount(s.Current) }), decor.Any(func(decor.Statistics) string { return p.files() }),
			decor.Any(func(s decor.Statistics) string { return p.rate(s.Current) }), rest),
	)
	p.bar.SetCurrent(p.read.Load())
}

// amount is how much was read, and of how much where that is known.
func (p *progress) amount(current int64) string {
	if p.total == 0 {
		return fmt.Sprintf(" % .1f", decor.SizeB1024(current))
	}
	if p.narrow {
		return fmt.Sprintf(" %.0f/%.0f", decor.SizeB1024(current), decor.SizeB1024(p.total))
	}
	return fmt.Sprintf(" % .1f / % .1f", decor.SizeB1024(current), decor.SizeB1024(p.total))
}

// files is how many were read, where that is told and there is room for it.
func (p *progress) files() string {
	if p.narrow {
		return ""
	}
	return *p.items.Load()
}

// rate is the speed since the beginning.
func (p *progress) rate(current int64) string {
	s := time.Since(p.begun).Seconds()
	if s <= 0 || current == 0 {
		return ""
	}
	if p.narrow {
		return fmt.Sprintf(" %.0f/s", decor.SizeB1024(float64(current)/s))
	}
	return fmt.Sprintf("  % .1f/s", decor.SizeB1024(float64(current)/s))
}

// rest is the time left, if things go on as they went.
func (p *progress) rest(current int64) string {
	if current <= 0 || p.total <= p.read.Load() {
		return ""
	}
	left := time.Duration(float64(time.Since(p.begun)) * float64(p.total-current) / float64(current))
	return " −" + left.Round(time.Second).String()
}

// add notes bytes that were read.
func (p *progress) add(n int) {
	read := p.read.Add(int64(n))
	p.mu.Lock()
	if p.bar != nil {
		p.bar.SetCurrent(min(read, max(p.total, 1)-1)) // complete only when all is done
	}
	p.mu.Unlock()
}

// counter is what reading tells its bytes to; nil where nobody sees them.
func (p *progress) counter() func(int) {
	if p == nil {
		return nil
	}
	return p.add
}

// enter names what is done now.
func (p *progress) enter(stage string) {
	if p != nil {
		p.stage.Store(&stage)
	}
}

// count says how many files are done.
func (p *progress) count(text string) { p.items.Store(&text) }

// done takes the bar off the screen.
func (p *progress) done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		return
	}
	p.timer.Stop()
	p.timer = nil
	if p.bar != nil {
		p.bar.Abort(true)
		p.screen.Wait()
		p.bar = nil
	}
}

// sizeOf is how many bytes the files under some paths hold.
func sizeOf(paths []string) int64 {
	var total int64
	for _, p := range paths {
		_ = filepath.WalkDir(p, func(_ string, e fs.DirEntry, err error) error { // what cannot be read is told when it is read
			if err == nil {
				if st, err := e.Info(); err == nil && st.Mode().IsRegular() {
					total += st.Size()
				}
			}
			return nil
		})
	}
	return total
}
