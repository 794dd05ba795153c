package logparse

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowcorr/flowcorr/internal/need"
)

// lnavFields are the columns of lnav's tables that an event has too.
var lnavFields = map[string][]struct {
	column string
	of     func(*Event) string
}{
	"access_log": {
		{"c_ip", func(e *Event) string { return e.Client.Addr().String() }},
		{"cs_method", func(e *Event) string { return e.Method }},
		{"sc_status", func(e *Event) string { return strconv.Itoa(e.Status) }},
		{"sc_bytes", func(e *Event) string { return strconv.FormatInt(max(e.Size, e.Body), 10) }},
		{"cs_user_agent", func(e *Event) string { return e.Agent }},
	},
	"syslog_log": {
		{"log_hostname", func(e *Event) string { return e.Host }},
		{"log_procname", func(e *Event) string { return e.Process }},
		{"log_pid", func(e *Event) string { return strconv.Itoa(e.PID) }},
	},
	"w3c_log": {
		{"c_ip", func(e *Event) string { return e.Client.Addr().String() }},
		{"cs_method", func(e *Event) string { return e.Method }},
		{"sc_status", func(e *Event) string { return strconv.Itoa(e.Status) }},
	},
}

// lnavTables are lnav's tables for formats of ours.
var lnavTables = map[string]string{
	"access-log": "access_log", "nginx-access": "access_log", "apache-access": "access_log", "w3c-access": "w3c_log",
	"syslog": "syslog_log", "auth-log": "syslog_log", "text-log": "generic_log", "journal-json": "journald_json_log",
}

// The logs of lnav's own tests, read by lnav where it is installed: its stamp
// of each line, to the digit it shows, and the fields both know.
func TestAgreesWithLnav(t *testing.T) {
	program := need.Program(t, "lnav")
	dir := need.Shared(t, "logs", "lnav", "test")
	files, err := filepath.Glob(filepath.Join(dir, "logfile_*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no logs", err)
	}
	d := differences{}
	lines, fields := 0, 0
	for _, path := range files {
		f := readSharedLog(t, path, 2000).format
		if f == nil || lnavTables[f.Name] == "" || filepath.Base(path) == "logfile_rollover.2" {
			continue // of that one lnav's years depend on the date of the file
		}
		table := lnavTables[f.Name]
		n, m := compareLnav(t, d, path, table, lnavRows(program, path, table))
		lines, fields = lines+n, fields+m
	}
	t.Logf("%d lines, %d fields", lines, fields)
	if lines < 1500 || fields < 6000 {
		t.Errorf("only %d lines and %d fields were compared", lines, fields)
	}
	d.check(t, "lnav")
}

// lnavRows has lnav read a file; nil where none of its lines is in the table.
func lnavRows(program, path, table string) (rows []map[string]string) {
	c := exec.Command(program, "-n", "-c", ";SELECT * FROM "+table, "-c", ":write-csv-to -", path)
	c.Env = append(os.Environ(), "TZ=UTC")
	out, err := c.Output()
	if err != nil {
		return nil
	}
	all, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil || len(all) < 2 {
		return nil
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// compareLnav compares message by message: lnav numbers those, not lines.
func compareLnav(t *testing.T, d differences, path, table string, rows []map[string]string) (lines, fields int) {
	const layout = "2006-01-02 15:04:05.000"
	name := strings.TrimPrefix(filepath.Base(path), "logfile_")
	if len(rows) == 0 {
		return 0, 0
	}
	// lnav takes a year that is not written from the file's date.
	first, err := time.Parse(layout, rows[0]["log_time"])
	if err != nil {
		t.Fatal(path, err)
	}
	l := readSharedLog(t, path, first.Year())
	var events []*Event
	for i := range l.lines {
		if e := l.events[i+1]; e != nil && (e.HasTime || table == "syslog_log") {
			events = append(events, e)
		}
	}
	slices.SortStableFunc(events, func(a, b *Event) int { return cmp.Compare(a.Time, b.Time) }) // as lnav does
	if len(events) != len(rows) {
		d.compare(name, "messages", fmt.Sprint(len(rows)), fmt.Sprint(len(events)))
	}
	for i, row := range rows[:min(len(rows), len(events))] {
		e := events[i]
		lines++
		// It shows local time as written.
		got := time.Unix(0, e.Time+int64(e.ZoneSeconds)*1e9).UTC().Format(layout)
		d.compare(name, "time", row["log_time"], got)
		fields++
		for _, f := range lnavFields[table] {
			if want := row[f.column]; want != "" && want != "<NULL>" && want != "-" {
				fields++
				d.compare(name, f.column, want, f.of(e))
			}
		}
	}
	return lines, fields
}
