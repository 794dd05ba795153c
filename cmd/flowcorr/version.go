package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/flowcorr/flowcorr/pkg/lang"
)

// release is set by the build of a release.
var release = "v0.1.0"

// version names the program's version.
func version() string { return release }

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
