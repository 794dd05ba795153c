package resident

import (
	"bytes"
	"os"
	"strconv"
	"testing"
	"unsafe"
)

var table [1 << 20]byte // never in the program's file

// TestZero: whole pages of the stretch become zero, and what lies beside it stays.
func TestZero(t *testing.T) {
	for i := range table {
		table[i] = 1
	}
	const from, size = 100, len(table) - 300
	if !Zero(unsafe.Pointer(&table[from]), uintptr(size)) {
		t.Fatal("not given back")
	}
	zero := bytes.Count(table[:], []byte{0})
	if page := os.Getpagesize(); zero < size-2*page || zero > size {
		t.Errorf("%d bytes are zero, of %d", zero, size)
	}
	if bytes.IndexByte(table[:from], 0) >= 0 || bytes.IndexByte(table[from+size:], 0) >= 0 {
		t.Error("bytes beside the stretch are zero")
	}
	if Zero(unsafe.Pointer(&table[1]), 10); table[1] != 1 {
		t.Error("a stretch without a whole page was emptied")
	}
}

// TestProgram: what the process holds of its file is less afterwards.
func TestProgram(t *testing.T) {
	before := shared(t)
	Program()
	if after := shared(t); after >= before {
		t.Errorf("%d pages of files before, %d after", before, after)
	}
}

// shared is how many pages of files the process holds.
func shared(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(string(bytes.Fields(b)[2]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
