#!/bin/sh
# Builds the command for every supported platform, without cgo.
set -eu
go=${GO:-go}
for platform in linux/amd64 linux/386 linux/arm64 darwin/arm64 windows/amd64; do
	GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 "$go" build -o /dev/null ./cmd/flowcorr
	echo "builds for $platform"
done
