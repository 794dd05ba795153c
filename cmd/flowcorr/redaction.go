package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/archive"
	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/redact"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// headBytes is how much of each input the secret of a redaction is made of.
const headBytes = 64 << 10

// redactor is the one of this run for outputs that stream; nil without
// --redact.
func (env *environment) redactor(paths []string) *redact.Redactor {
	if !env.options.redact {
		return nil
	}
	return redact.New(env.secretOf(paths))
}

// secretOf is the secret of a redaction: the beginning of every input.
func (env *environment) secretOf(paths []string) []byte {
	secret := sha256.New()
	for _, p := range paths {
		if p == "-" {
			in := bufio.NewReaderSize(env.in, headBytes)
			head, _ := in.Peek(headBytes)
			secret.Write(head)
			env.in = in
			continue
		}
		_ = filepath.WalkDir(p, func(path string, e fs.DirEntry, err error) error { // what cannot be read is told when it is read
			if err == nil && e.Type().IsRegular() {
				if f, err := os.Open(path); err == nil {
					_, _ = io.CopyN(secret, f, headBytes)
					f.Close()
				}
			}
			return nil
		})
	}
	return secret.Sum(nil)
}

// keyName is the file that keeps the secret of redactions that go on from run
// to run.
const keyName = "redaction.key"

// lastingKey is the secret kept in a folder; without one there, it is made and
// kept.
func lastingKey(folder string, makeKey func() []byte) ([]byte, error) {
	path := filepath.Join(folder, keyName)
	key, err := os.ReadFile(path)
	if err == nil && len(key) >= 16 {
		return key, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	key = makeKey()
	return key, wholefile.Write(path, 0o600, func(w io.Writer) error {
		_, err := w.Write(key)
		return err
	})
}

// randomKey is a secret where no input is there yet.
func randomKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return key
}

// rowRedactor redacts the rows of an archive, each slice by itself and all alike.
type rowRedactor struct{ key []byte }

func (x rowRedactor) Rows(r *report.Report, rows *trend.Rows) error {
	hide := redact.NewLasting(x.key)
	if _, err := hide.Learn(r); err != nil {
		return err
	}
	return errors.Join(redact.Rows(hide, "journeys", rows.Journeys), redact.Rows(hide, "findings", rows.Findings), x.standing(hide, rows.Standing), redact.Rows(hide, "clocks", rows.Clocks), redact.Rows(hide, "journeys", rows.Affected))
}

func (rowRedactor) standing(hide *redact.Redactor, told []trend.Standing) error {
	for i := range told {
		row := []trend.FindingRow{told[i].Row}
		if err := redact.Rows(hide, "findings", row); err != nil {
			return err
		}
		told[i].Row = row[0]
	}
	return nil
}

func (x rowRedactor) Files(files []archive.File) error {
	return redact.Rows(redact.NewLasting(x.key), "evidence", files)
}

// tellRedacted says on standard error what was replaced.
func (env *environment) tellRedacted(r *redact.Redactor) {
	if r == nil || env.options.quiet {
		return
	}
	c := r.Counts()
	fmt.Fprintf(env.diag, "flowcorr: %s\n", env.say(lang.Text{
		EN: "replaced: %d addresses, %d names, %d users, %d elements of paths, %d other words; times and sizes are as recorded",
		ES: "sustituido: %d direcciones, %d nombres, %d usuarios, %d elementos de rutas, %d palabras más; los tiempos y tamaños son los registrados"},
		c.Addresses, c.Names, c.Users, c.Paths, c.Words))
}

// redactedLines rewrites JSON Lines on their way out.
type redactedLines struct {
	w    io.Writer
	r    *redact.Redactor
	rest []byte
}

// Write takes whole lines on and keeps the beginning of the last one.
func (l *redactedLines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	end := bytes.LastIndexByte(l.rest, '\n') + 1
	if end == 0 {
		return len(p), nil
	}
	out, err := l.r.JSON(l.rest[:end])
	if err != nil {
		return 0, err
	}
	l.rest = append(l.rest[:0], l.rest[end:]...)
	if _, err := l.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// lines is where JSON Lines go: to standard output, redacted where asked for.
func (env *environment) lines(r *redact.Redactor) io.Writer {
	if r == nil {
		return env.out
	}
	return &redactedLines{w: env.out, r: r}
}
