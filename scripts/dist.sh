#!/bin/sh
# Builds a release into dist/: static programs for every platform, or those that
# PLATFORMS names (such as "linux/amd64"), with the manual page and completions, as
# archives that are the same bytes whenever and wherever the same commit is built,
# and their checksums.
set -eu
go=${GO:-go}
# What the caller has set must not change the bytes.
unset GOFLAGS GOOS GOARCH GOAMD64 GOARM64 GOEXPERIMENT GODEBUG GOWORK CDPATH TAR_OPTIONS GZIP
for kept in GOPROXY GONOPROXY GOPRIVATE GOSUMDB GONOSUMDB GOMODCACHE GOCACHE GOTOOLCHAIN; do
	export "$kept=$("$go" env "$kept")" # where modules come from, and what is there already
done
export GOENV=off LC_ALL=C TZ=UTC
umask 022
version=$(sh scripts/version.sh)
platforms=${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64 freebsd/amd64 freebsd/arm64}
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
rm -rf dist
mkdir -p dist/work
flags="-s -w -buildid= -X main.release=$version"

# Manual page and completions are the same on every platform.
CGO_ENABLED=0 "$go" build -trimpath -buildvcs=false -pgo cmd/flowcorr/flows.pgo -ldflags "$flags" -o dist/work/host ./cmd/flowcorr
mkdir -p dist/work/share/man/man1 dist/work/share/man/es/man1 dist/work/share/completions
dist/work/host --lang en man >dist/work/share/man/man1/flowcorr.1
dist/work/host --lang es man >dist/work/share/man/es/man1/flowcorr.1
for shell in bash zsh fish powershell; do
	dist/work/host completion "$shell" >"dist/work/share/completions/flowcorr.$shell"
done

for platform in $platforms; do
	os=${platform%/*} arch=${platform#*/}
	name=flowcorr_${version}_${os}_$arch
	folder=dist/work/$name
	mkdir "$folder"
	program=flowcorr
	[ "$os" = windows ] && program=flowcorr.exe
	if [ "$platform" = "$("$go" env GOHOSTOS)/$("$go" env GOHOSTARCH)" ]; then
		cp dist/work/host "$folder/$program"
	else
		GOOS=$os GOARCH=$arch CGO_ENABLED=0 "$go" build -trimpath -buildvcs=false -pgo cmd/flowcorr/flows.pgo -ldflags "$flags" -o "$folder/$program" ./cmd/flowcorr
	fi
	cp -r dist/work/share/. LICENSE README.md "$folder"
	tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w \
		-C dist/work -cf - "$name" | gzip -n9 >"dist/$name.tar.gz"
	echo "dist/$name.tar.gz"
done
rm -rf dist/work
(cd dist && sha256sum -- *.tar.gz >SHA256SUMS)
echo "built with $("$go" env GOVERSION): the same commit and the same Go give the same bytes"
