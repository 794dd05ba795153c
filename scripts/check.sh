#!/bin/sh
# Formatting, vet and staticcheck; prints what is wrong and fails.
set -eu
go=${GO:-go}
unformatted=$(gofmt -l cmd pkg internal)
if [ -n "$unformatted" ]; then
	echo "not formatted (run gofmt -w):" "$unformatted" >&2
	exit 1
fi
"$go" vet ./...
"$go" tool staticcheck ./...
