//go:build unix && !linux

package regular

import "syscall"

const nonblock = syscall.O_NONBLOCK
