package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/flowcorr/flowcorr/pkg/lang"
	"github.com/flowcorr/flowcorr/pkg/report/redact"
)

// headBytes is how much of each input the secret of a redaction is made of.
const headBytes = 64 << 10

// redactor is the one of this run for outputs that stream; nil without
// --redact. Its secret is the beginning of every input.
func (env *environment) redactor(paths []string) *redact.Redactor {
	if !env.options.redact {
		return nil
	}
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
	return redact.New(secret.Sum(nil))
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
