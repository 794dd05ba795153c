#!/bin/sh
# Everything that must hold before a change lands. What needs a program or
# material that is not there is skipped and named at the end; with CI=true it
# fails instead.
set -eu
go=${GO:-go}
SKIPPED=$(mktemp)
export SKIPPED
trap 'rm -f "$SKIPPED"' EXIT

sh scripts/check.sh
sh scripts/cross.sh
# Tests that start other programs, or print the same evidence in many ways: the
# race detector makes them five times slower and sees no more than in the others.
many='TestExtractTells|TestGrown|TestTrends|TestResumed|TestTorn|TestCopies|TestHostileEvidence|TestSessions|TestSamples|TestYearOfClocks|TestWatchClockSet|TestRedacted|TestRelease|TestOptionsTakeEffect|TestSamples32|TestFirstScreen|TestRenderIsDirect|TestNarrowTerminals'
"$go" test -race -timeout 11m -skip "^(TestScore|$many)\$" ./...
"$go" test -count=1 -run "^($many)\$" ./cmd/flowcorr ./pkg/archive
"$go" test -count=1 -v -run '^TestScore$' ./cmd/flowcorr # prints the figures
"$go" test -count=1 ./pkg/diagnose ./pkg/correlate # whole: under the race detector they look at a part of the evidence
"$go" test -count=1 -run '^TestManyJourneys$' ./pkg/report/render # in full, which the race detector makes slow
"$go" test -count=1 -run '^TestGrowth$' ./pkg/report # measures time, which the race detector stretches
if [ "$("$go" env GOHOSTARCH)" = amd64 ]; then # the same bytes where int has 32 bits
	GOARCH=386 CGO_ENABLED=0 "$go" test -run '^TestSamples$' ./cmd/flowcorr
fi

if [ -s "$SKIPPED" ]; then
	echo "skipped:"
	sort -u "$SKIPPED"
fi
