// Command flowcorr correlates packet captures with logs after an incident.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

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

	exitInterrupted = 130 // by a signal, as a shell tells of one that Ctrl-C ended
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

// untilSignal is a context that Ctrl-C or SIGTERM ends, for a command that then has
// something to bring to an end. A second signal ends the program at once.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
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
