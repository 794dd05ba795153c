package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/lang"
)

// partEndings are the endings of files that a part of a report, or rows, are
// written to, by format.
var partEndings = []struct{ format, ending string }{{"text", ".txt"}, {"json", ".json"}, {"jsonl", ".jsonl"}}

// takePartOutput gives a command that prints a part of a report, or rows, -o.
// What its files are is settled before any work is done.
func (env *environment) takePartOutput(cmd *cobra.Command) {
	env.takeOnly(cmd, "output")
	known := cmd.Flags().Lookup("format").Annotations[choicesNote]
	cmd.PreRunE = func(*cobra.Command, []string) error {
		for _, path := range env.options.outputs {
			format, err := env.partFormat(path, known)
			if err != nil {
				return err
			}
			env.partFormats = append(env.partFormats, format)
		}
		return env.checkFolders()
	}
}

// partFormat is --format, else what the ending of a path says.
func (env *environment) partFormat(path string, known []string) (string, error) {
	if env.options.format != "" {
		return env.options.format, nil
	}
	var endings []string
	for _, p := range partEndings {
		if !slices.Contains(known, p.format) {
			continue
		}
		if filepath.Ext(path) == p.ending {
			return p.format, nil
		}
		endings = append(endings, p.ending)
	}
	return "", env.noEnding(path, endings)
}

// checkFolders refuses files whose folder is not there, before any work is done.
func (env *environment) checkFolders() error {
	for _, path := range env.options.outputs {
		folder := filepath.Dir(path)
		if st, err := os.Stat(folder); err != nil || !st.IsDir() {
			return fmt.Errorf("%w %w", errWrite, &usageError{env.say(lang.Text{EN: "%s: there is no folder %s", ES: "%s: no hay ninguna carpeta %s"}, path, folder),
				env.say(lang.Text{EN: "make it first: mkdir -p %s", ES: "créela antes: mkdir -p %s"}, folder)})
		}
	}
	return nil
}

// print writes to the files that -o names, else to standard output, and marks
// what fails there.
func (env *environment) print(write func(io.Writer) error) error {
	if len(env.partFormats) == 0 {
		if err := write(env.out); err != nil {
			return fmt.Errorf("%w: %w", errWrite, err)
		}
		return nil
	}
	for i, path := range env.options.outputs {
		env.options.format = env.partFormats[i]
		if err := wholefile.Write(path, 0o666, write); err != nil {
			return fmt.Errorf("%w %s: %w", errWrite, path, err)
		}
	}
	return nil
}

// streamed runs what writes rows to standard output as they come, and has them
// go to the file that -o names.
func (env *environment) streamed(work func() error) error {
	switch len(env.partFormats) {
	case 0:
		return work()
	case 1:
		env.options.format = env.partFormats[0]
		path := env.options.outputs[0]
		var failed error // of the work, which is not about the file
		err := wholefile.Write(path, 0o666, func(w io.Writer) error {
			standard := env.out
			env.out = w
			defer func() { env.out = standard }()
			failed = work()
			return failed
		})
		if err != nil && failed == nil {
			return fmt.Errorf("%w %s: %w", errWrite, path, err)
		}
		return failed
	}
	return &usageError{env.say(lang.Text{EN: "rows go to one file alone", ES: "las filas van a un solo archivo"}),
		env.say(lang.Text{EN: "give -o once; flowcorr report takes it several times", ES: "dé -o una vez; flowcorr report la admite varias veces"})}
}
