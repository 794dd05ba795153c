// Package shifted makes test archives of several days out of one recording: the same
// captures and logs as if they had been made later.
package shifted

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/flowcorr/flowcorr/pkg/pcapflow/capture"
)

// stamps of logs, as their dates are written: shifting by whole days leaves the rest.
var stamps = []struct {
	find   *regexp.Regexp
	layout string
}{
	{regexp.MustCompile(`\b\d\d/[A-Z][a-z]{2}/20\d\d\b`), "02/Jan/2006"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d`), "2006-01-02"},
	{regexp.MustCompile(`\b20\d\d/\d\d/\d\d\b`), "2006/01/02"},
	{regexp.MustCompile(`\b\d\d-[A-Z][a-z]{2}-20\d\d\b`), "02-Jan-2006"},
	{regexp.MustCompile(`\b[A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d\b`), "Jan _2 15:04:05"},
}

// sinceEpoch is a stamp in seconds since 1970, or in parts of them.
var sinceEpoch = regexp.MustCompile(`\b1[78]\d{8}(\d{3}){0,3}\b`)

// Days adds the files of a folder to an archive as if they had been made so many days
// later; their names bear the day.
func Days(from, archive string, days int) error {
	return walk(from, archive, func(path, target string) error {
		if isCapture(path) {
			return Capture(path, stem(target)+"-"+dayOf(days)+".pcap", time.Duration(days)*24*time.Hour)
		}
		b, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(target+"-"+dayOf(days), []byte(Text(string(b), days)), 0o644))
	})
}

// Text is a log as if it had been written so many days later.
func Text(text string, days int) string {
	for _, s := range stamps {
		text = s.find.ReplaceAllStringFunc(text, func(d string) string {
			at, err := time.Parse(s.layout, d)
			if err != nil {
				return d
			}
			return at.AddDate(0, 0, days).Format(s.layout)
		})
	}
	return sinceEpoch.ReplaceAllStringFunc(text, func(d string) string {
		at, err := strconv.ParseInt(d[:10], 10, 64)
		if err != nil {
			return d
		}
		return strconv.FormatInt(at+int64(days)*86400, 10) + d[10:]
	})
}

// Captures adds the captures of a folder alone, as if they had been made so much later.
func Captures(from, archive string, later time.Duration) error {
	return walk(from, archive, func(path, target string) error {
		if !isCapture(path) {
			return nil
		}
		at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(later)
		return Capture(path, fmt.Sprintf("%s-%s.pcap", stem(target), at.Format("20060102150405")), later)
	})
}

// Capture copies a capture with all its times so much later.
func Capture(from, to string, later time.Duration) error {
	set := capture.NewSet([]capture.File{{Open: func() (io.ReadCloser, error) { return os.Open(from) }}}, capture.Options{})
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	w := capture.NewWriter(f, false)
	var p capture.Packet
	for set.Next(&p) == nil {
		p.Time += int64(later)
		if err := w.Packet(&p, set.Interfaces(), ""); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Close(), f.Close())
}

func walk(from, archive string, add func(path, target string) error) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		target := filepath.Join(archive, rel)
		if err != nil || e.IsDir() {
			return errors.Join(err, os.MkdirAll(target, 0o755))
		}
		return add(path, target)
	})
}

func isCapture(path string) bool { return strings.HasPrefix(filepath.Ext(path), ".pcap") }

func stem(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) }

func dayOf(days int) string {
	return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days).Format("20060102")
}
