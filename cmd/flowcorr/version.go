package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// release is the version of a release, set by its build from the tag.
var release string

// version names the program's version: the release's, else the one that Go read
// from the tag and the state of the tree it built.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "unreleased"
}

func versionCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: env.say(lang.Text{EN: "Print the version", ES: "Escribir la versión"}),
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			revision := ""
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = " " + s.Value[:min(12, len(s.Value))]
					}
				}
			}
			_, err := fmt.Fprintf(env.out, "flowcorr %s%s %s/%s\n", version(), revision, runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
