#!/bin/sh
# Everything that must hold before a change lands. What needs a program or
# material that is not there is skipped and named at the end; with CI=true it
# fails instead.
set -eu
go=${GO:-go}
SKIPPED=$(mktemp)
export SKIPPED
trap 'rm -f "$SKIPPED"' EXIT

# What is compiled does not depend on the folder: of what another checkout has
# compiled, nothing is compiled again.
export GOFLAGS="${GOFLAGS:-} -trimpath"

# Compilers, linters and tests spend a quarter less time where garbage may lie longer.
# Tests of what the program takes of memory do without.
export GOGC=300

sh scripts/check.sh
# The race detector looks at the packages that start goroutines or guard what they
# share, with all they use; the others have nothing to show it. Of those that share in
# one place alone (once), it looks at the tests of that place (sharing).
concurrent='./cmd/flowcorr ./pkg/archive ./pkg/incident ./pkg/pcapflow ./pkg/watch'
once='./pkg/archive ./pkg/pcapflow'
sharing='TestJobs|TestReadAhead|TestPanicComesBack|TestHandover|TestHandedOut|TestResume|TestFlowOnDisk|TestScan|TestIdle'
without() { # list out of which
	printf '%s\n' $1 | grep -vxF "$(printf '%s\n' $2)"
}
widely=$(without "$concurrent" "$once")
others=$(without "$("$go" list ./... | sed "s|^$("$go" list -m)|.|")" "$concurrent")
# Tests of these that start other programs or ask them, print the same evidence in many
# ways, or reckon much alone: it makes them five times slower and sees no more than in
# the others.
many='TestExtractTells|TestHostileEvidence|TestSessions|TestSamples|TestWatchClockSet|TestRedacted|TestRelease|TestOptionsTakeEffect|TestSamples32'
many="$many|TestFirstScreen|TestRenderIsDirect|TestNarrowTerminals|TestHazards|TestFullDisk|TestVanishing|TestBatchMemory|TestPhrases|TestNoRawNames"
many="$many|TestOutputOfParts|TestMatchIsTheReport|TestScripts|TestPowerCut|TestNouns|TestKeeper|TestKeepsLinesOfShownClients|TestEachEventAgreesWithRead"
many="$many|TestEachEventInParts|TestTruth|TestComparisonPage|TestRedactedArchive|TestContradictedClocks|TestCompletion|TestClocksOfYears|TestDays"
many="$many|TestSecretsHidden"
# Tests that print figures or measure time are run with nothing beside them.
alone='TestScore|TestGrowth|TestManyJourneys'
# In three strands at once: while a test of one waits, or keeps one processor alone,
# the others go on.
command=./cmd/flowcorr
"$go" test -vet=off -timeout 20m -count=1 -run "^($many)\$" $command &
first=$!
{
	raced=
	"$go" test -vet=off -timeout 20m -race -p 1 -skip "^($alone|$many)\$" $widely || raced=1
	"$go" test -vet=off -timeout 20m -race -p 1 -run "^($sharing)\$" $once || raced=1
	[ -z "$raced" ]
} &
second=$!
failed=
sh scripts/cross.sh || failed=1
env -u GOGC "$go" test -vet=off -timeout 20m -count=1 -p 1 -run "^($many)\$" $(without "$widely" $command) || failed=1
env -u GOGC "$go" test -vet=off -timeout 20m -count=1 -p 1 -skip "^($alone|$sharing)\$" $once || failed=1
"$go" test -vet=off -timeout 20m -count=1 -p 2 -skip "^($alone)\$" $others || failed=1
wait "$first" || failed=1
wait "$second" || failed=1
[ -z "$failed" ]
"$go" test -vet=off -count=1 -v -run '^TestScore$' ./cmd/flowcorr # prints the figures
"$go" test -vet=off -count=1 -p 1 -run "^($alone)\$" ./pkg/report ./pkg/report/render
if [ "$("$go" env GOHOSTARCH)" = amd64 ]; then # the same bytes where int has 32 bits
	narrow=$(mktemp)
	GOARCH=386 CGO_ENABLED=0 "$go" build -o "$narrow" ./cmd/flowcorr
	if "$narrow" version >/dev/null 2>&1; then # some kernels run no such programs
		GOARCH=386 CGO_ENABLED=0 "$go" test -vet=off -run '^TestSamples$' ./cmd/flowcorr
	else
		echo "TestSamples with 32 bits: this kernel runs no 32-bit programs" >>"$SKIPPED"
	fi
	rm -f "$narrow"
fi

if [ -s "$SKIPPED" ]; then
	echo "skipped:"
	sort -u "$SKIPPED"
fi
