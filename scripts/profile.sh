#!/bin/sh
# Renews cmd/flowcorr/flows.pgo: what `flows` spends its time on, with the captures
# named, by which the compiler decides what is worth inlining in released programs.
# An old one costs nothing but speed: what it names and is no more is passed over.
set -eu
[ $# -gt 0 ] || { echo "usage: scripts/profile.sh CAPTURE…" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go test -c -o "$work/test" ./cmd/flowcorr
n=0
for capture; do
	n=$((n + 1))
	CAPTURE=$(realpath "$capture") "$work/test" -test.run '^$' -test.bench '^BenchmarkFlows$' -test.benchtime 3x -test.cpuprofile "$work/$n.prof"
done
go tool pprof -proto "$work"/*.prof >"$work/merged" 2>/dev/null
mv "$work/merged" cmd/flowcorr/flows.pgo
