#!/bin/sh
# Builds the container image of the release for this machine's processor, out of its
# archive in dist/, with the first of podman, buildah and docker that is there, or
# with what ENGINE says ("buildah bud --storage-driver vfs").
set -eu
go=${GO:-go}
version=$(sh scripts/version.sh) arch=$("$go" env GOARCH)
if [ -z "${ENGINE:-}" ]; then
	for engine in "podman build" "buildah bud" "docker build"; do
		command -v "${engine% *}" >/dev/null && ENGINE=$engine && break
	done
fi
[ -n "${ENGINE:-}" ] || { echo "podman, buildah or docker is needed" >&2; exit 1; }
case $version in
*-dirty) made= ;; # the same name says nothing of the bytes
*) made=$(ls "dist/flowcorr_${version}_linux_$arch.tar.gz" 2>/dev/null || true) ;;
esac
[ -n "$made" ] || GO="$go" VERSION=$version PLATFORMS=linux/$arch sh scripts/dist.sh
$ENGINE --build-arg "VERSION=$version" --build-arg "TARGETARCH=$arch" -t "flowcorr:$version" -f Containerfile .
