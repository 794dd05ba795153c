package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// kept is what the index holds of one window.
type kept struct {
	Schema  string         `json:"schema"`
	Key     string         `json:"key"`
	Rows    []rowFile      `json:"rows"`
	Summary *trend.Summary `json:"summary"`
	Clocks  []clockSeen    `json:"clocks,omitempty"`
	Day     string         `json:"day"`
	// Standing are findings about no journey: of all windows of a day rows are made.
	Standing []trend.Standing `json:"standing,omitempty"`
	Proven   []uint64         `json:"proven,omitempty"` // lines that findings about journeys rest on
}

// slim is what is held of a window while others are looked at: months have many.
func (k *kept) slim() *kept {
	k.Summary, k.Standing, k.Proven = nil, nil, nil
	return k
}

// rowFile is a file of rows.
type rowFile struct {
	Path  string `json:"path"` // relative to the folder of the result
	Bytes int64  `json:"bytes"`
}

// inputsOf names all that the result depends on: where it is the same, so are the
// windows, and no flow has to be looked at.
func (a *archive) inputsOf() string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%s\x00%s\x00%s\x00%d\x00", schema, a.opt.Version, a.opt.Settings, a.flowKey(), a.opt.Memory)
	for _, p := range a.points {
		fmt.Fprintf(sum, "%s\x00", p.name)
		for _, f := range p.files {
			fmt.Fprintf(sum, "%s\x00%s\x00", f.Path, f.SHA256)
		}
		fmt.Fprint(sum, "\x00")
	}
	for _, f := range a.logs {
		fmt.Fprintf(sum, "%s\x00%s\x00", f.Path, f.SHA256)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// plan is what the windows of an earlier run were.
type plan struct {
	Inputs string   `json:"inputs"`
	Keys   []string `json:"keys"`
	Alone  []string `json:"alone"` // of the same windows by what they alone tell
}

// windows looks at each window that is not known.
func (a *archive) windows(ctx context.Context, r *Result) error {
	a.inputs = a.inputsOf()
	a.dateLogs()
	a.series = seriesOf(a.logs)
	all := a.known()
	if all == nil {
		var err error
		if all, err = a.freshWindows(ctx, r); err != nil {
			return err
		}
	}
	keys, rows := map[string]bool{}, map[string]bool{}
	var days trend.Days
	for _, key := range a.readPlan().Alone {
		keys[key+".json"] = true
	}
	for _, k := range all {
		keys[k.Key+".json"] = true
		for _, row := range k.Rows {
			rows[row.Path] = true
		}
		whole := a.load(k.Key)
		if whole == nil {
			return fmt.Errorf("%s: gone", a.windowFile(k.Key))
		}
		r.Summary.Merge(whole.Summary)
		days.Add(whole.Day, whole.Standing, whole.Proven)
	}
	if err := a.writeStanding(&days, r.Summary, rows); err != nil {
		return err
	}
	r.Windows = len(all)
	return a.tidy(keys, rows)
}

func (a *archive) readPlan() *plan {
	p := &plan{}
	b, err := os.ReadFile(filepath.Join(a.index(), "plan.json"))
	if err != nil || json.Unmarshal(b, p) != nil {
		return &plan{}
	}
	return p
}

// known gives the windows of an earlier run on the same; nil where there is none,
// or not all of them are there.
func (a *archive) known() []*kept {
	was := a.readPlan()
	if was.Inputs != a.inputs {
		return nil
	}
	var all []*kept
	for _, key := range was.Keys {
		k := a.load(key)
		if k == nil || !a.rowsThere(k) {
			return nil
		}
		all = append(all, k.slim())
	}
	return all
}

func (a *archive) freshWindows(ctx context.Context, r *Result) ([]*kept, error) {
	s := newSpread()
	var bytes int64
	for _, p := range a.points {
		s.merge(&p.done.Spread, p.commonAt)
		p.done.Spread, p.done.Sightings = spread{}, sightings{} // of no use from here on
	}
	for _, f := range a.files {
		bytes += f.Size
	}
	list := windowsOf(s, int(max(a.opt.Memory/a.windowsAtOnce()/memoryOfJourney, 1)))
	x := &looking{a: a, ctx: ctx, list: list, all: make([]*kept, len(list)), fresh: make([]atomic.Bool, len(list)), near: make([]bounds, len(list)), atOnce: min(a.opt.Jobs, int(a.windowsAtOnce())), wide: make([]bool, len(list))}
	var err error
	if x.looked, err = a.resumeLooked(); err != nil {
		return nil, err
	}
	defer x.looked.out.Close()
	if err := x.alone(bytes); err != nil {
		return nil, err
	}
	all, jobs := x.all, x.atOnce
	// What a window alone does not tell of a clock, others may.
	was := plan{Inputs: a.inputs}
	for _, k := range all {
		was.Alone = append(was.Alone, k.Key)
	}
	known := offsetsOf(all)
	err = each(jobs, len(list), func(i int) error {
		if len(known[i]) == 0 && a.rowsThere(all[i]) {
			return nil
		}
		return x.look(i, known[i], true)
	})
	if err != nil {
		return nil, err
	}
	for i, k := range all {
		was.Keys = append(was.Keys, k.Key)
		if x.fresh[i].Load() {
			r.Fresh++
		}
	}
	return all, writeJSON(filepath.Join(a.index(), "plan.json"), was)
}

// looking is the work on all windows.
type looking struct {
	a      *archive
	ctx    context.Context
	list   []window
	all    []*kept
	fresh  []atomic.Bool // analysed in this run
	looked *looked
	near   []bounds // of clocks, for each window, as some of those before it have measured them
	atOnce int      // windows
	wide   []bool   // lines are looked for far and wide, whatever near tells
}

func (x *looking) look(i int, known []offset, rowsToo bool) error {
	var near bounds
	if !x.wide[i] {
		near = x.near[i]
	}
	at := lookedAt{i, len(known) > 0, x.wide[i]}
	if k := x.a.load(x.looked.key(at)); k != nil && (!rowsToo || x.a.rowsThere(k)) {
		x.all[i] = k.slim()
		return nil
	}
	k, isNew, err := x.a.analyse(x.ctx, i, &x.list[i], near, known, rowsToo)
	if err != nil {
		return err
	}
	x.all[i] = k.slim()
	x.fresh[i].Store(isNew || x.fresh[i].Load())
	return x.looked.note(at, k.Key)
}

// alone looks at each window by what it tells itself. A few look for their lines as
// far as a clock may be off: the first, and those whose number is a power of two, so
// that windows to come change nothing. By what those before them found the others
// look near, unless a clock is not there.
func (x *looking) alone(bytes int64) error {
	n := len(x.list)
	order, done := []int{0}, make([]chan struct{}, n)
	for i := 1; i < n; i *= 2 {
		order = append(order, i)
	}
	for _, i := range order {
		x.wide[i], done[i] = true, make(chan struct{})
	}
	for i := range n {
		if !x.wide[i] {
			order = append(order, i)
		}
	}
	failed, fail := context.WithCancel(x.ctx)
	defer fail()
	return each(x.atOnce, n, func(k int) (err error) {
		defer func() {
			if err != nil {
				fail()
			}
		}()
		i := order[k]
		defer x.a.opt.Progress(Step{"analyse", bytes*int64(k+1)/int64(n) - bytes*int64(k)/int64(n), 1, n})
		if done[i] != nil {
			if err = x.look(i, nil, false); err == nil {
				close(done[i])
			}
			return err
		}
		var measured []*kept
		var when []*window
		for j := range i {
			if done[j] == nil {
				continue
			}
			select {
			case <-done[j]:
			case <-failed.Done():
				return x.ctx.Err() // nil where another has failed, and tells why
			}
			measured, when = append(measured, x.all[j]), append(when, &x.list[j])
		}
		x.near[i] = boundsOf(measured, when, x.a.points)
		err = x.look(i, nil, false)
		if err == nil && x.near[i].lost(x.all[i], x.a.logsNear(&x.list[i])) {
			x.wide[i] = true
			err = x.look(i, nil, false)
		}
		return err
	})
}
