package incident

import (
	"context"
	"fmt"
	"io"

	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// EachFlow reads one capture, path "-" from stdin, and calls use with each flow
// when it ends. Flows are valid during the call only; memory follows those open
// at one time. The error is ErrNoInput where path is no capture.
func EachFlow(ctx context.Context, path string, stdin io.Reader, opt Options, use func(*pcapflow.Flow)) ([]Problem, error) {
	opt.Stdin = stdin
	items := findUnder(path, opt)
	if len(items) != 1 {
		return nil, fmt.Errorf("%w: %s is a folder", ErrNoInput, path)
	}
	it := items[0]
	if len(it.file.Problems) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoInput, it.file.Problems[0].Text)
	}
	s, err := it.begin(false)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoInput, err)
	}
	defer s.Close()
	if s.dead != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoInput, s.dead)
	}
	var keys *pcapflow.KeyLog
	if kind, _ := capture.Recognise(s.Head(16)); len(opt.KeyLogs) > 0 || kind == capture.PCAPNG {
		keys = keyLog(opt.KeyLogs)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(s), nil }
	set := capture.NewSet([]capture.File{{Name: it.file.Path, Open: open}},
		capture.Options{OnSecrets: func(text []byte) { keys.Add(text) }})
	src := &interruptible{Set: set, ctx: ctx}
	guard(it.file, func() {
		_, err = pcapflow.Analyse(src, pcapflow.Options{Keys: keys, OnFlow: use})
	})
	set.Close()
	part := set.Parts()[0]
	if part.Kind == "" {
		return nil, fmt.Errorf("%w: %s", ErrNoInput, part.Problems[0].Text)
	}
	it.file.fill(&part)
	if err == nil {
		err = ctx.Err()
	}
	return it.file.Problems, err
}
