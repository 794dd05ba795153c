package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flowcorr/flowcorr/internal/need"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"flowcorr": main,
	})
}

// TestScripts runs the command line as a user does. $SAMPLES is the folder of
// samples.
func TestScripts(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SAMPLES", filepath.Join(root, "samples"))
			env.Setenv("LANG", "C.UTF-8")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"cut": cut,
		},
		UpdateScripts: os.Getenv("UPDATE") != "",
	})
}

// cut copies the first bytes of a file: cut -n COUNT FROM TO.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 || args[0] != "-n" {
		ts.Fatalf("usage: cut -n COUNT FROM TO")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	data, err := os.ReadFile(ts.MkAbs(args[2]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), data[:min(n, len(data))], 0o644))
}
