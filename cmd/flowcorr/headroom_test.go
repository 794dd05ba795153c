package main

import "testing"

// The next collection comes at 32 MB of heap, or with a fifth of what lives above
// it; the runtime takes its percentage of globals too, and of 4 MiB at
// least.
func TestPercentAbove(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct{ live, globals, least, most uint64 }{
		{0, 0, 31 * mb, 32 * mb},
		{0, 5 * mb, 31 * mb, 32 * mb},
		{20 * mb, 5 * mb, 31 * mb, 32 * mb},
		{30 * mb, 5 * mb, 35 * mb, 36 * mb},
		{100 * mb, 5 * mb, 118 * mb, 120 * mb},
		{1000 * mb, 5 * mb, 1190 * mb, 1200 * mb},
	} {
		goal := c.live + max(leastLife, c.live+c.globals)*uint64(percentAbove(c.live, c.globals))/100
		if goal < c.least || goal > c.most {
			t.Errorf("%d MB live, %d MB of globals: collection at %d MB", c.live/mb, c.globals/mb, goal/mb)
		}
	}
}

// Within a limit the next collection comes near it, but for very little or very much that
// lives.
func TestPercentWithin(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct{ bytes, live, globals, least, most uint64 }{
		{380 * mb, 100 * mb, 5 * mb, 375 * mb, 381 * mb},
		{380 * mb, 10 * mb, 5 * mb, 65 * mb, 75 * mb},
		{380 * mb, 370 * mb, 5 * mb, 420 * mb, 430 * mb},
		{380 * mb, 500 * mb, 5 * mb, 570 * mb, 580 * mb},
	} {
		goal := c.live + max(leastLife, c.live+c.globals)*uint64(percentWithin(c.bytes, c.live, c.globals))/100
		if goal < c.least || goal > c.most {
			t.Errorf("%d MB live, %d MB of globals: collection at %d MB", c.live/mb, c.globals/mb, goal/mb)
		}
	}
}
