package main

import (
	"os"
	"strings"
	"syscall"
)

// asProgram is set where the process is flowcorr, and nothing else, as a test is.
var asProgram bool

// collectAtOnce has the runtime stop everything else while it collects garbage, for the
// rest of the process: who waits for an archive waits for the whole, not for a part of it.
// Beside the work the collector takes a tenth more processor time where there are two jobs,
// since it works for long, all pointers that are written meanwhile are noted, and all that
// is allocated meanwhile stays.
//
// The runtime reads GODEBUG (package runtime, gcstoptheworld) when a process begins, so
// that the program begins anew, as the same process. It does not return then. Where a
// system cannot do that (Windows), or GODEBUG says otherwise, all stays as it is: only the
// time it takes depends on it.
func collectAtOnce() {
	env, todo := stopping(os.Environ())
	if !asProgram || !todo {
		return
	}
	if program, err := os.Executable(); err == nil {
		_ = syscall.Exec(program, os.Args, env)
	}
}

// stopping is an environment in which the collector stops everything else; not todo: it
// says already whether it does.
func stopping(env []string) (with []string, todo bool) {
	const setting = "gcstoptheworld="
	for i, e := range env {
		if given, ok := strings.CutPrefix(e, "GODEBUG="); ok {
			if strings.Contains(given, setting) {
				return env, false
			}
			env = append(append([]string{}, env[:i]...), env[i+1:]...)
			if given != "" {
				given += ","
			}
			return append(env, "GODEBUG="+given+setting+"1"), true
		}
	}
	return append(env, "GODEBUG="+setting+"1"), true
}
