// Package resident gives memory back that a process has touched and does not need.
package resident

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// Zero gives back the pages that lie wholly within size bytes from p on: a
// variable that was never in the program's file and that may be all zero from
// now on. It tells whether the system has done so.
func Zero(p unsafe.Pointer, size uintptr) bool {
	page := uintptr(os.Getpagesize())
	skip := -uintptr(p) & (page - 1)
	if size < skip+page {
		return true
	}
	size = (size - skip) &^ (page - 1)
	return syscall.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, skip)), size), syscall.MADV_DONTNEED) == nil
}

// Program gives back the pages of the program's own code and constants, which
// its start has touched many of. What is needed on is mapped again from the
// system's cache of the file, without being read.
func Program() {
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	list, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	var from, to uint64
	for line := range bytes.Lines(list) {
		f := bytes.Fields(line)
		switch {
		case len(f) == 6 && bytes.IndexByte(f[0], '-') > 0:
			from, to = 0, 0
			if string(f[5]) == own && f[1][1] == '-' {
				from, to = span(f[0])
			}
		case len(f) == 3 && string(f[0]) == "Anonymous:" && string(f[1]) == "0" && to > from:
			madvise(uintptr(from), uintptr(to-from))
		}
	}
}

// span reads "begin-end", hexadecimal.
func span(b []byte) (from, to uint64) {
	begin, end, _ := bytes.Cut(b, []byte("-"))
	from, _ = strconv.ParseUint(string(begin), 16, 64)
	to, _ = strconv.ParseUint(string(end), 16, 64)
	return from, to
}

func madvise(from, size uintptr) {
	syscall.Syscall(syscall.SYS_MADVISE, from, size, syscall.MADV_DONTNEED)
}
