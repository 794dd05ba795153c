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
# Tests that start other programs, print the same evidence in many ways, or reckon
# much alone: the race detector makes them five times slower and sees no more than in
# the others.
many='TestExtractTells|TestGrown|TestTrends|TestResumed|TestTorn|TestCopies|TestHostileEvidence|TestSessions|TestSamples|TestYearOfClocks|TestWatchClockSet|TestRedacted|TestRelease|TestOptionsTakeEffect|TestSamples32|TestFirstScreen|TestRenderIsDirect|TestNarrowTerminals'
many="$many|TestHazards|TestFullDisk|TestVanishing|TestBatchMemory|TestPhrases|TestNoRawNames|TestOutputOfParts|TestMatchIsTheReport"
many="$many|TestPointsApart|TestAnyCut|TestLongLog|TestLogWithoutYears"
many="$many|TestScanOfManyPorts|TestFlowsWithoutEnd|TestOffersAsWireshark|TestInstantsAsWireshark|TestTLSCombinations|TestRankTestNormal|TestMerge"
many="$many|TestCompletion|TestClocksOfYears|TestDays|TestHostileOutputs|TestHostileText|TestSecretsHidden"
many="$many|TestClocksOfLackingCaptures|TestClocksOfIncidents|TestFewLinesProveNothingOfThemselves|TestLossesPlaced|TestRotatedLog"
"$go" test -race -timeout 11m -skip "^(TestScore|$many)\$" ./...
"$go" test -count=1 -run "^($many)\$" ./cmd/flowcorr ./pkg/archive ./pkg/pcapflow ./pkg/pcapflow/segment ./pkg/report/compare ./pkg/report/render ./pkg/report/trend
"$go" test -count=1 -v -run '^TestScore$' ./cmd/flowcorr # prints the figures
"$go" test -count=1 ./pkg/diagnose ./pkg/correlate # whole: under the race detector they look at a part of the evidence
"$go" test -count=1 -run '^TestManyJourneys$' ./pkg/report/render # in full, which the race detector makes slow
"$go" test -count=1 -run '^TestGrowth$' ./pkg/report # measures time, which the race detector stretches
if [ "$("$go" env GOHOSTARCH)" = amd64 ]; then # the same bytes where int has 32 bits
	narrow=$(mktemp)
	GOARCH=386 CGO_ENABLED=0 "$go" build -o "$narrow" ./cmd/flowcorr
	if "$narrow" version >/dev/null 2>&1; then # some kernels run no such programs
		GOARCH=386 CGO_ENABLED=0 "$go" test -run '^TestSamples$' ./cmd/flowcorr
	else
		echo "TestSamples with 32 bits: this kernel runs no 32-bit programs" >>"$SKIPPED"
	fi
	rm -f "$narrow"
fi

if [ -s "$SKIPPED" ]; then
	echo "skipped:"
	sort -u "$SKIPPED"
fi
