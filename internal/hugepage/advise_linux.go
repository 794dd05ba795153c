//go:build linux && (amd64 || arm64)

package hugepage

import (
	"math"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

const (
	pageBytes     = 2 << 20
	reservedBytes = 256 << 20
	aroundBytes   = 8 << 20 // so far from a place of the heap the rest of it is looked for
	plainBytes    = 1 << 20 // so many of the variables without pointers: the large ones, of which little is used, lie last

	collapse = 25 // MADV_COLLAPSE (madvise(2), since Linux 6.1), which package syscall does not know
)

// Where the linker lays variables with pointers, and those without, which come behind them.
var (
	pointing *byte
	plain    [1]byte
)

// asked tells that huge pages were asked for: for the program's variables, and for what
// the heap holds already.
//
// It is no call of main's, since most of the pages that a program touches when it starts
// are filled by packages that are initialised before it: gopacket's tables alone are 1,500
// of 3,000. Packages are initialised in the order of their paths as soon as those that they
// import are (Go 1.21), so that this one, which imports little, comes before nearly all.
var asked = advised()

func advised() bool {
	if !strings.Contains(read("/sys/kernel/mm/transparent_hugepage/enabled"), "[madvise]") {
		return false
	}
	variables, heap := uintptr(unsafe.Pointer(&pointing)), uintptr(unsafe.Pointer(new([64]byte)))
	for _, r := range [2][2]uintptr{
		{variables, uintptr(unsafe.Pointer(&plain)) + plainBytes},
		{heap - aroundBytes, heap + aroundBytes},
	} {
		advise(r[0], r[1])
		gather(r[0], r[1])
	}
	return true
}

// reserve allocates memory that is not touched, asks for its addresses, and lets the
// collector have them, which hands them out again, the lowest first.
func reserve() {
	if limited() {
		return
	}
	b := make([]byte, reservedBytes)
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	advise(from, from+reservedBytes)
	gather(from-aroundBytes, from+pageBytes)
	runtime.KeepAlive(b)
	runtime.GC()
}

// limited tells that addresses are not to be had for nothing: by a limit of the process
// (getrlimit(2)), or since the system promises no more than it has (proc(5),
// overcommit_memory).
func limited() bool {
	for _, what := range []int{syscall.RLIMIT_AS, syscall.RLIMIT_DATA} {
		var limit syscall.Rlimit
		if syscall.Getrlimit(what, &limit) != nil || limit.Cur != math.MaxUint64 {
			return true
		}
	}
	return strings.HasPrefix(read("/proc/sys/vm/overcommit_memory"), "2")
}

// advise asks for huge pages between two addresses. What is not mapped there is left out,
// and nothing depends on what the system does.
func advise(from, to uintptr) {
	if from, to = whole(from, to); from < to {
		syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_HUGEPAGE)
	}
}

// gather makes huge pages of what was touched before it was asked for: a huge page is
// given to nothing that has a small one.
func gather(from, to uintptr) {
	for from, to = whole(from, to); from < to; from += pageBytes {
		syscall.Syscall(syscall.SYS_MADVISE, from, pageBytes, collapse)
	}
}

// whole is the huge pages that lie between two addresses.
func whole(from, to uintptr) (first, end uintptr) {
	return (from + pageBytes - 1) &^ (pageBytes - 1), to &^ (pageBytes - 1)
}

// read is the beginning of a file of the kernel's; "" where there is none. Package os would
// be initialised too late.
func read(path string) string {
	f, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer syscall.Close(f)
	var b [64]byte
	n, err := syscall.Read(f, b[:])
	if err != nil {
		return ""
	}
	return string(b[:n])
}
