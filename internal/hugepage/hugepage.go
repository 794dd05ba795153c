// Package hugepage has Linux back the memory that a program uses all the time with huge
// pages, of 2 MiB instead of 4 KiB, where the system leaves it to programs to ask
// (Linux, Documentation/admin-guide/mm/transhuge.rst: madvise). A page is fetched when it
// is first used, which takes a virtual machine 10 µs and more, and what walks through
// flows here and there waits for where their pages are as often as for what they hold.
//
// Elsewhere, and where the system gives huge pages to all or to nobody, all stays as it is.
package hugepage

// Reserve has the heap to come lie in huge pages, its first 256 MiB. It is called before
// much is allocated. It takes addresses alone: memory is used when something lies there,
// and as huge pages up to 2 MiB more than that. Where addresses are limited nothing is
// reserved.
func Reserve() {
	if asked {
		reserve()
	}
}
