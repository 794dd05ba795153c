package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestCompletion: the completions that the program prints work in each shell
// that is there, as when Tab is pressed behind a beginning.
func TestCompletion(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(dir, "flowcorr")); err != nil {
		t.Fatal(err)
	}
	const bash = `set -e
source <(flowcorr completion bash)
complete_line() {
	COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
	read -ra COMP_WORDS <<<"$1"
	[[ $1 == *" " ]] && COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	__start_flowcorr 2>/dev/null || true
	echo "${COMPREPLY[@]}"
}
complete_line "flowcorr comp"
complete_line "flowcorr report --sev"
complete_line "flowcorr report --severity "
complete_line "flowcorr rules app-s"`
	const fish = `flowcorr completion fish | source
complete -C "flowcorr comp"
complete -C "flowcorr report --sev"
complete -C "flowcorr report --severity "
complete -C "flowcorr rules app-s"`
	const zsh = `autoload -U compinit && compinit -u -d "$ZDOTDIR/dump" && source <(flowcorr completion zsh) && whence -w _flowcorr
flowcorr __complete comp; flowcorr __complete report --sev; flowcorr __complete report --severity ""; flowcorr __complete rules app-s`
	for shell, script := range map[string]string{"bash": bash, "fish": fish, "zsh": zsh} {
		t.Run(shell, func(t *testing.T) {
			program, err := exec.LookPath(shell)
			if err != nil {
				need.Optional(t, "program: "+shell)
			}
			cmd := exec.Command(program, "-c", script)
			cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+t.TempDir(), "ZDOTDIR="+t.TempDir(), "LANG=C.UTF-8")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for _, want := range []string{"compare", "completion", "--severity", "warning", "error", "app-slow"} {
				if !strings.Contains(string(out), want) {
					t.Errorf("%s is not offered: %s", want, out)
				}
			}
		})
	}
}
