package incident

import (
	"context"
	"fmt"
	"io"

	"github.com/flowcorr/flowcorr/internal/regular"
	"github.com/flowcorr/flowcorr/pkg/pcapflow"
	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// EachFlow reads one capture, path "-" from stdin, and calls use with each flow
// when it ends, and behind all of them rest, unless it is nil, with what the capture
// tells besides. Flows are valid during the call only; memory follows those open at
// one time. The error is ErrNoInput where path is no capture.
func EachFlow(ctx context.Context, path string, stdin io.Reader, opt Options, use func(*pcapflow.Flow), rest func(*pcapflow.Result)) ([]Problem, error) {
	opt.Stdin = stdin
	items := findUnder(path, opt)
	if len(items) != 1 {
		return nil, fmt.Errorf("%w: it is a folder", ErrNoInput)
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
	kind, _ := capture.Recognise(s.Head(16))
	if len(opt.KeyLogs) > 0 || kind == capture.PCAPNG {
		keys = keyLog(opt.KeyLogs)
	}
	ahead := kind == capture.PCAPNG && addSecrets(keys, it.file.Open, s.length())
	var src *interruptible
	late, flows := false, 0
	open := func() (io.ReadCloser, error) { return io.NopCloser(s), nil }
	set := capture.NewSet([]capture.File{{Name: it.file.Path, Open: open}},
		capture.Options{OnSecrets: func(text []byte) {
			if !ahead {
				keys.Add(text)
				late = late || src.n > 1
			}
		}})
	src = &interruptible{Set: set, ctx: ctx}
	guard(it.file, func() {
		var told *pcapflow.Result
		told, err = pcapflow.Analyse(src, pcapflow.Options{Keys: keys, Turns: opt.Turns, OnFlow: func(f *pcapflow.Flow) {
			flows++
			use(f)
		}})
		for _, reason := range told.Unread(flows) {
			it.file.problem("%s", reason)
		}
		if rest != nil {
			rest(told)
		}
	})
	set.Close()
	part := set.Parts()[0]
	if part.Kind == "" {
		return nil, fmt.Errorf("%w: %s", ErrNoInput, part.Problems[0].Text)
	}
	it.file.fill(&part)
	if late {
		it.file.problem("TLS secrets stand behind packets they may open: connections that had ended before them are not decrypted")
	}
	if err == nil {
		err = ctx.Err()
	}
	return it.file.Problems, err
}

// maxTwice bounds the captures that are read twice, in bytes.
const maxTwice = 2 << 30

// addSecrets adds the TLS secrets of a plain pcapng file of so many bytes before
// its packets are analysed: flows are handed out as they end, and secrets may
// stand behind them. false: the file is not read ahead.
func addSecrets(keys *pcapflow.KeyLog, path string, size int64) bool {
	if size <= 0 || size > maxTwice {
		return false
	}
	f, err := regular.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	r, err := capture.NewReader(f, capture.Options{OnSecrets: func(text []byte) { keys.Add(text) }})
	if err != nil {
		return false
	}
	var p capture.Packet
	for err == nil {
		err = r.Next(&p)
	}
	return true
}
