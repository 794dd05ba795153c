package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/flowcorr/flowcorr/internal/need"
	"github.com/flowcorr/flowcorr/pkg/archive"
)

// pcapHeader is all that a bomb holds before its zeros.
const pcapHeader = "\xa1\xb2\xc3\xd4\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x01"

// bombs are files of a few MB at most that unpack to 4 GB of zeros, by name; but to 1 GB
// with lz4, whose ratio is below the limit, and 128 MB with xz, which is slow.
func bombs(t *testing.T) map[string][]byte {
	t.Helper()
	block := make([]byte, 64<<20)
	var gz, lz bytes.Buffer
	write := func(w interface {
		Write([]byte) (int, error)
		Close() error
	}, b []byte) {
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	pack, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	write(gzip.NewWriter(&gz), block)
	write(lz4.NewWriter(&lz), block)
	var gzHead, lzHead, nested bytes.Buffer
	write(gzip.NewWriter(&gzHead), []byte(pcapHeader))
	write(lz4.NewWriter(&lzHead), []byte(pcapHeader))
	all := map[string][]byte{
		"bomb.pcap.gz":  append(gzHead.Bytes(), bytes.Repeat(gz.Bytes(), 64)...),
		"bomb.pcap.lz4": append(lzHead.Bytes(), bytes.Repeat(lz.Bytes(), 17)...),
		"bomb.pcap.zst": append(pack.EncodeAll([]byte(pcapHeader), nil), bytes.Repeat(pack.EncodeAll(block, nil), 64)...),
	}
	write(gzip.NewWriter(&nested), all["bomb.pcap.gz"])
	all["nested.pcap.gz.gz"] = nested.Bytes()
	if xz, err := exec.LookPath("xz"); err == nil {
		packed := func(b []byte) []byte {
			cmd := exec.Command(xz, "-0c")
			cmd.Stdin = bytes.NewReader(b)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		all["bomb.pcap.xz"] = append(packed([]byte(pcapHeader)), bytes.Repeat(packed(block), 2)...)
	}
	return all
}

// spread puts hazards of every kind beside the evidence, and tells what must be said
// of each.
func spread(t *testing.T, dir string) map[string]string {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(dir, "web", "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"pipe": "not a regular file", "socket": "not a regular file", "device": "not a regular file",
		"loop1": "too many levels of symbolic links", "dangling": "no such file or directory", "locked.log": "permission denied", "locked/.": "permission denied",
		"sparse.pcap": "no record here", "sparse.log": "a hole of", "nested.pcap.gz.gz": "of unknown kind"}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range bombs(t) {
		write(name, b)
		if want[name] == "" {
			want[name] = "no record here" // in what it unpacks to, as far as that is read
		}
	}
	for i, name := range []string{"new\nline.log", "tab\there.log", "esc\x1b[31m.log", "\xff\xfe.log", strings.Repeat("n", 251) + ".log"} {
		write(name, append(bytes.Clone(log), fmt.Sprintf("10.0.0.9 - - [27/Nov/2026:00:21:0%d +0100] \"GET /%d HTTP/1.1\" 200 12 \"-\" \"-\"\n", i, i)...))
	}
	write("sparse.pcap", []byte(pcapHeader))
	write("sparse.log", log)
	write("locked.log", log)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "socket"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	err = errors.Join(
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644), os.Symlink("/dev/zero", filepath.Join(dir, "device")),
		os.Symlink("loop2", filepath.Join(dir, "loop1")), os.Symlink("loop1", filepath.Join(dir, "loop2")),
		os.Symlink(".", filepath.Join(dir, "self")), os.Symlink("nowhere", filepath.Join(dir, "dangling")),
		os.Link(filepath.Join(dir, "web", "access.log"), filepath.Join(dir, "zz-hard.log")),
		os.Truncate(filepath.Join(dir, "sparse.pcap"), 1<<40), os.Truncate(filepath.Join(dir, "sparse.log"), 1<<40),
		os.Mkdir(filepath.Join(dir, "locked"), 0), os.Chmod(filepath.Join(dir, "locked.log"), 0))
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// TestHazards: bombs, sparse files, pipes, sockets, devices, loops of links, what may
// not be read and names of any bytes are told of, each with its reason, in little time
// and memory; the rest is analysed as if they were not there.
func TestHazards(t *testing.T) {
	dir := open(t)
	in, out := copyOf(t, "slow-application", filepath.Join(dir, "in")), own(t, filepath.Join(dir, "out"))
	if p := ran(t, "", "batch", in, "--out", filepath.Join(out, "clean")); p.status() != exitDone {
		t.Fatalf("%s", p.diag)
	}
	want := spread(t, in)
	t.Cleanup(func() { os.Chmod(filepath.Join(in, "locked"), 0o755) })
	begun := time.Now()
	p := ran(t, "ulimit -v 2000000", "batch", in, "--out", filepath.Join(out, "all"), "--memory", "256MB")
	if p.status() != exitDone {
		t.Fatalf("status %d after %v: %s", p.status(), time.Since(begun), p.diag)
	}
	harmless(t, "batch", []byte(p.out.String()))
	harmless(t, "batch, narration", []byte(p.diag.String()))
	told := map[string]archive.File{}
	for d := json.NewDecoder(bytes.NewReader(readFile(t, filepath.Join(out, "all", "files.jsonl")))); d.More(); {
		var f archive.File
		if err := d.Decode(&f); err != nil {
			t.Fatal(err)
		}
		told[f.Path] = f
	}
	for name, reason := range want {
		f, there := told[name]
		if name == "locked/." && !there { // by the name of the folder
			f = told["locked"]
		}
		if f.Outcome != archive.Failed && f.Outcome != archive.Partial || !strings.Contains(f.Reason, reason) {
			t.Errorf("%s: %q, %q; want %q", name, f.Outcome, f.Reason, reason)
		}
	}
	if f := told["zz-hard.log"]; f.Outcome != archive.Copy {
		t.Errorf("the hard link: %+v", f)
	}
	starts := func(result string) string {
		return ran(t, "", "batch", "--query", "--out", filepath.Join(out, result)).out.String()
	}
	if a, b := starts("clean"), starts("all"); a != b || strings.Count(a, "\n") < 10 {
		t.Errorf("journeys beside the hazards\n%s\nwithout them\n%s", b, a)
	}
	for _, command := range []string{"report", "detect"} {
		p := ran(t, "ulimit -v 2000000", command, in)
		if s := p.status(); s > exitFindings || s < 0 {
			t.Errorf("%s: status %d: %.500s", command, s, p.diag)
		}
		harmless(t, command, []byte(p.out.String()+p.diag.String()))
		reasons := []string{"permission denied", "not a regular file", "a hole of"}
		if command == "report" {
			reasons = append(reasons, "bomb.pcap.gz: byte", "bomb.pcap.zst: byte", "unpacks to more than the limit of 250 times its size")
		}
		for _, reason := range reasons {
			if !strings.Contains(p.diag.String()+p.out.String(), reason) {
				t.Errorf("%s says nothing of %q", command, reason)
			}
		}
	}
}

// TestFullDisk: a disk that is full, or a file that may grow no further, is told of;
// with room the next run goes on, and the result is the one of a run that had room.
func TestFullDisk(t *testing.T) {
	dir := open(t)
	in, out := copyOf(t, "slow-application", filepath.Join(dir, "in")), own(t, filepath.Join(dir, "out"))
	run := func(prelude, result string) *process { return ran(t, prelude, "batch", in, "--out", result) }
	whole := filepath.Join(out, "whole")
	if p := run("", whole); p.status() != exitDone {
		t.Fatalf("%s", p.diag)
	}
	want := resultOf(t, whole)
	t.Run("small files", func(t *testing.T) {
		result := filepath.Join(out, "limited")
		for blocks := 1; ; blocks *= 2 { // of 512 or 1024 bytes
			p := run(fmt.Sprintf("trap '' XFSZ; ulimit -f %d", blocks), result)
			if p.status() == exitDone {
				break
			}
			if blocks > 1<<16 || !strings.Contains(p.diag.String(), "file too large") || strings.Contains(p.diag.String(), "goroutine") {
				t.Fatalf("%d blocks: status %d: %s", blocks, p.status(), p.diag)
			}
		}
		sameResult(t, "with room", want, resultOf(t, result))
	})
	t.Run("small disk", func(t *testing.T) {
		if os.Getuid() != 0 {
			need.Optional(t, "root: to mount a small disk")
		}
		disk := filepath.Join(dir, "disk")
		if err := os.Mkdir(disk, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=16k,mode=777"); err != nil {
			need.Optional(t, "the right to mount a small disk")
		}
		t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
		full := 0
		for kib := 16; ; kib *= 2 {
			p := run("", filepath.Join(disk, "result"))
			if p.status() == exitDone {
				break
			}
			full++
			if kib > 1<<16 || !strings.Contains(p.diag.String(), "no space left on device") {
				t.Fatalf("%d KiB: status %d: %s", kib, p.status(), p.diag)
			}
			if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%dk,mode=777", kib*2)); err != nil {
				t.Fatal(err)
			}
		}
		if full < 3 {
			t.Errorf("the disk was full only %d times", full)
		}
		sameResult(t, "with room", want, resultOf(t, filepath.Join(disk, "result")))
	})
	t.Run("read only", func(t *testing.T) {
		result := filepath.Join(dir, "not-ours") // of another user, or without the right to write
		if err := os.Mkdir(result, 0o555); err != nil {
			t.Fatal(err)
		}
		if p := run("", result); p.status() == exitDone || !strings.Contains(p.diag.String(), "permission denied") {
			t.Errorf("status %d: %s", p.status(), p.diag)
		}
	})
}
