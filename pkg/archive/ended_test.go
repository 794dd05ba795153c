package archive

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/pkg/correlate"
	"github.com/flowcorr/flowcorr/pkg/report"
)

// TestEndedWithin: a run that is ended while a window is being analysed does not wait
// for that, and the next one comes to the same bytes.
func TestEndedWithin(t *testing.T) {
	in := cutSample(t, "tcp-loss", func() int { return 300 })
	whole, out := t.TempDir(), t.TempDir()
	runOn(t, in, whole, small)
	for _, at := range []int64{1, 3} {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		held := make(chan struct{})
		var reports atomic.Int64
		ended := make(chan error, 1)
		go func() {
			_, err := Run(ctx, Options{Paths: []string{in}, Out: out, Memory: small, Report: func(ctx context.Context, c *correlate.Case) (*report.Report, error) {
				if reports.Add(1) == at {
					stop()
					<-held
				}
				return diagnosed(ctx, c)
			}})
			ended <- err
		}()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("ended in report %d: %v", at, err)
			}
		case <-time.After(time.Minute):
			t.Errorf("ended in report %d: still at work after a minute", at)
		}
		close(held)
	}
	runOn(t, in, out, small)
	same(t, "ended and resumed", contents(t, whole), contents(t, out))
}
