//go:build !linux || !(amd64 || arm64)

package hugepage

const asked = false

func reserve() {}
