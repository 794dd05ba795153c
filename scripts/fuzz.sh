#!/bin/sh
# Runs every fuzz target for the time given (such as 30s), one after another.
set -eu
go=${GO:-go}
time=${1:-30s}
grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' pkg | while read -r file; do
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file"); do
		echo "== $target (${file%/*})"
		"$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./${file%/*}"
	done
done
