// Command flowcorr correlates packet captures with logs after an incident.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/flowcorr/flowcorr/pkg/casefile"
	"github.com/flowcorr/flowcorr/pkg/incident"
)

// Exit statuses.
const (
	exitDone     = 0
	exitFindings = 1 // done, with findings at or above --fail-on
	exitUsage    = 2
	exitNoInput  = 3
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: data goes to out, narration to diag.
func run(args []string, in io.Reader, out, diag io.Writer) int {
	env := &environment{in: in, out: out, diag: diag}
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

	caseFile *casefile.File // what it says; empty where there is none
	casePath string
}

// usageError is a mistake in how the program was called, with what to do.
type usageError struct {
	text, hint string
}

func (e *usageError) Error() string { return e.text }

// explain prints an error with its hint and returns the exit status.
func (env *environment) explain(err error) int {
	fmt.Fprintf(env.diag, "flowcorr: %v\n", err)
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		if usage.hint != "" {
			fmt.Fprintf(env.diag, "hint: %s\n", usage.hint)
		}
		return exitUsage
	case errors.Is(err, incident.ErrNoInput):
		fmt.Fprintln(env.diag, "hint: give a folder or files: captures (.pcap, .pcapng), server logs, the output of curl, dig, ssh -vvv or chronyc; flowcorr detect PATH… tells what each file was taken for")
		return exitNoInput
	case errors.Is(err, errWrite):
		return exitNoInput
	}
	fmt.Fprintln(env.diag, "hint: flowcorr --help lists commands and options")
	return exitUsage
}

// errWrite marks a failure to write an output.
var errWrite = errors.New("cannot write")
