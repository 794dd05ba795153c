package lock

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var errBusy = errors.New("busy")

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	release, err := Folder(dir, errBusy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Folder(dir, errBusy); !errors.Is(err, errBusy) {
		t.Errorf("a second lock: %v", err)
	}
	if other, err := Folder(t.TempDir(), errBusy); err != nil {
		t.Errorf("another folder: %v", err)
	} else {
		other()
	}
	release()
	again, err := Folder(dir, errBusy)
	if err != nil {
		t.Fatalf("released: %v", err)
	}
	again()
	if _, err := Folder(filepath.Join(dir, "none"), errBusy); err == nil || errors.Is(err, errBusy) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestEnded: the lock goes with the process that held it, however that ended.
func TestEnded(t *testing.T) {
	dir := os.Getenv("LOCK_FOLDER")
	if dir != "" { // the process that holds it
		if _, err := Folder(dir, errBusy); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "held"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		return
	}
	dir = t.TempDir()
	holder := exec.Command(os.Args[0], "-test.run", "TestEnded")
	holder.Env = append(os.Environ(), "LOCK_FOLDER="+dir)
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	for range 600 {
		if _, err := os.Stat(filepath.Join(dir, "held")); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if _, err := Folder(dir, errBusy); !errors.Is(err, errBusy) {
		t.Errorf("held by another process: %v", err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	release, err := Folder(dir, errBusy)
	if err != nil {
		t.Fatalf("its process was killed: %v", err)
	}
	release()
}
