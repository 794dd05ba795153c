package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestRelease: a release is named by its tag, and so is the program in it; it holds
// what it must, and the same commit gives the same bytes in another folder, language,
// zone and umask, whatever the caller's environment asks of the build. The container
// file makes an image of it.
func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("builds releases")
	}
	if runtime.GOOS != "linux" {
		need.Optional(t, "Linux, which runs what the release of this test holds")
	}
	for _, p := range []string{"git", "tar", "gzip", "sha256sum"} {
		need.Program(t, p)
	}
	platform := "linux_" + runtime.GOARCH
	one := released(t, filepath.Join(t.TempDir(), "one"), "022", "LANG=C")
	other := released(t, filepath.Join(t.TempDir(), "the other"), "077", "LANG=es_ES.UTF-8", "LC_ALL=es_ES.UTF-8", "TZ=Asia/Kathmandu", "COLUMNS=44",
		"GOFLAGS=-tags=x", "GOAMD64=v3", "TAR_OPTIONS=--exclude=README.md", "GZIP=-1")
	name := "flowcorr_v7.8.9_" + platform
	archive, err := os.ReadFile(filepath.Join(one, "dist", name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(filepath.Join(other, "dist", name+".tar.gz")); err != nil || !bytes.Equal(again, archive) {
		t.Errorf("the same commit gives other bytes elsewhere: %v", err)
	}
	sums, err := os.ReadFile(filepath.Join(one, "dist", "SHA256SUMS"))
	if want := fmt.Sprintf("%x  %s.tar.gz\n", sha256.Sum256(archive), name); err != nil || string(sums) != want {
		t.Errorf("SHA256SUMS is %q, want %q: %v", sums, want, err)
	}
	files := unpacked(t, archive)
	want := []string{"LICENSE", "README.md", "completions/flowcorr.bash", "completions/flowcorr.fish", "completions/flowcorr.powershell", "completions/flowcorr.zsh", "flowcorr", "man/es/man1/flowcorr.1", "man/man1/flowcorr.1"}
	for i := range want {
		want[i] = name + "/" + want[i]
	}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Errorf("the archive holds %q", got)
	}
	for _, page := range []string{"/man/man1/flowcorr.1", "/man/es/man1/flowcorr.1"} {
		if !bytes.Contains(files[name+page], []byte("flowcorr v7.8.9")) {
			t.Errorf("%s does not name the version", page)
		}
	}
	program := filepath.Join(t.TempDir(), "flowcorr")
	if err := os.WriteFile(program, files[name+"/flowcorr"], 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "version").Output(); err != nil || string(out) != "flowcorr v7.8.9 linux/"+runtime.GOARCH+"\n" {
		t.Errorf("the program says %q: %v", out, err)
	}
	t.Run("container", func(t *testing.T) { container(t, one) })
}

// released clones the repository into a folder, tags it there, and builds a release
// for this machine.
func released(t *testing.T, folder, umask string, environment ...string) string {
	t.Helper()
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]string{{"git", "clone", "-q", root, folder}, {"git", "-C", folder, "tag", "v7.8.9"}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", c, err, out)
		}
	}
	build := exec.Command("sh", "-c", "umask "+umask+" && exec sh scripts/dist.sh")
	build.Dir = folder
	build.Env = append(slices.Concat(os.Environ(), environment), "PLATFORMS=linux/"+runtime.GOARCH, "VERSION=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

// unpacked are the files of an archive.
func unpacked(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if files[h.Name], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// container builds the image of a release, and has it report on a sample.
func container(t *testing.T, folder string) {
	if _, err := exec.LookPath("buildah"); err != nil || os.Geteuid() != 0 {
		need.Optional(t, "buildah, and root to run what it builds")
	}
	store := t.TempDir()
	buildah := []string{"buildah", "--storage-driver", "vfs", "--root", filepath.Join(store, "root"), "--runroot", filepath.Join(store, "run")}
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(buildah[0], append(buildah[1:], args...)...).Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() != exitFindings {
			t.Fatalf("%q: %v\n%s", args, err, exit.Stderr)
		}
		return string(out)
	}
	build := exec.Command("sh", "scripts/container.sh")
	build.Dir = folder
	build.Env = append(os.Environ(), "ENGINE="+strings.Join(buildah, " ")+" bud --isolation chroot")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made := strings.TrimSpace(run("from", "flowcorr:v7.8.9"))
	defer run("rm", made)
	sample := filepath.Join(folder, "samples", "slow-application")
	want, err := os.ReadFile(filepath.Join(sample, "report.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got := run("run", "--isolation", "chroot", "-v", filepath.Join(sample, "input")+":/incident:ro", made, "--", "/flowcorr", "--lang", "en", "report", "."); !strings.HasPrefix(got, "ANSWER\n") || len(got) < len(want)/2 {
		t.Errorf("the image reports:\n%s", got)
	}
}
