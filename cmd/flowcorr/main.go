// Command flowcorr correlates packet captures with logs after an incident.
package main

import (
	"io"
	"os"

	"github.com/flowcorr/flowcorr/pkg/casefile"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// Exit statuses.
const (
	exitDone     = 0
	exitFindings = 1 // done, with findings at or above --fail-on
	exitUsage    = 2
	exitNoInput  = 3 // or an output could not be written
	exitDamaged  = 4 // with --strict: a file was damaged or not understood
)

func main() {
	asProgram = true
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: data goes to out, narration to diag.
func run(args []string, in io.Reader, out, diag io.Writer) int {
	env := &environment{in: in, out: out, diag: diag, speaks: languageOf(args)}
	root := newRoot(env)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(diag)
	if err := root.Execute(); err != nil {
		return env.explain(err)
	}
	return env.status
}

// environment is what commands share while one of them runs.
type environment struct {
	in        io.Reader
	out, diag io.Writer
	status    int
	options   options
	speaks    lang.Lang

	given       map[string]bool // options, by name
	partFormats []string        // of each file that -o names, where a part of a report goes there

	caseFile *casefile.File // what it says; empty where there is none
	casePath string

	only      map[string]bool // of the evidence, the files that are read; nil: all
	linesOnly bool            // of the correlation, the lines' journeys alone are wanted
}
