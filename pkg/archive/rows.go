package archive

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/flowcorr/flowcorr/internal/wholefile"
	"github.com/flowcorr/flowcorr/pkg/report"
	"github.com/flowcorr/flowcorr/pkg/report/trend"
)

// rowFolders are the tables of the result: folders partitioned by day, and
// journeys by capture point as well, as DuckDB, ClickHouse and Spark read them.
var rowFolders = []string{"journeys", "findings", "clocks"}

// rowMode are the permissions of a result's files, less the umask.
const rowMode = 0o666

// writeRows writes the rows of a slice, and tells to which files.
//
// A row that has no time of its own lies under the day of what it was found in:
// engines take a column for one of dates by the names of its folders.
func (a *archive) writeRows(o *trend.Rows, key, day string) ([]rowFile, error) {
	var written []rowFile
	err := writeParts(a.opt.Out, key, o.Journeys, &written, func(j *trend.JourneyRow) string {
		return path.Join("journeys", "day="+trend.DayOf(j.Start), "point="+j.Point)
	})
	if err == nil {
		err = writeFindings(a.opt.Out, key, day, o.Findings, &written)
	}
	if err == nil {
		err = writeParts(a.opt.Out, key, o.Clocks, &written, func(c *trend.ClockRow) string {
			return path.Join("clocks", "day="+dayOr(c.From, day))
		})
	}
	return written, err
}

func writeFindings(out, key, day string, rows []trend.FindingRow, written *[]rowFile) error {
	return writeParts(out, key, rows, written, func(f *trend.FindingRow) string {
		if f.Journeys == 0 {
			return path.Join("findings", "day="+day)
		}
		return path.Join("findings", "day="+dayOr(f.Start, day))
	})
}

// noDay is what Hive, Spark and DuckDB read as unknown in the name of a folder.
const noDay = "__HIVE_DEFAULT_PARTITION__"

// dayOf is the day of the earliest evidence, of captures if there are any.
func dayOf(r *report.Report) string {
	var first [2]*int64
	for i := range r.Evidence {
		e, of := &r.Evidence[i], 1
		if e.Vantage != "" {
			of = 0
		}
		if e.First != nil && (first[of] == nil || int64(*e.First) < *first[of]) {
			first[of] = (*int64)(e.First)
		}
	}
	return dayOr(first[0], dayOr(first[1], noDay))
}

func dayOr(ns *int64, day string) string {
	if ns == nil {
		return day
	}
	return trend.DayOf(*ns)
}

// writeParts writes rows as Parquet and as JSON Lines, a file of each in every
// partition.
func writeParts[T any](top, key string, rows []T, written *[]rowFile, partition func(*T) string) error {
	parts := map[string][]T{}
	var order []string
	for i := range rows {
		p := partition(&rows[i])
		if parts[p] == nil {
			order = append(order, p)
		}
		parts[p] = append(parts[p], rows[i])
	}
	slices.Sort(order)
	for _, p := range order {
		name := path.Join(p, "part-"+key)
		if err := os.MkdirAll(filepath.Join(top, filepath.FromSlash(p)), 0o755); err != nil {
			return err
		}
		for ending, write := range map[string]func(io.Writer, []T) error{".parquet": writeParquet[T], ".jsonl": writeLines[T]} {
			var n counted
			err := wholefile.Write(filepath.Join(top, filepath.FromSlash(name+ending)), rowMode, func(w io.Writer) error {
				return write(io.MultiWriter(w, &n), parts[p])
			})
			if err != nil {
				return err
			}
			*written = append(*written, rowFile{name + ending, int64(n)})
		}
	}
	slices.SortFunc(*written, func(a, b rowFile) int { return cmp.Compare(a.Path, b.Path) })
	return nil
}

// counted is how many bytes were written.
type counted int64

func (n *counted) Write(b []byte) (int, error) {
	*n += counted(len(b))
	return len(b), nil
}

func writeLines[T any](w io.Writer, rows []T) error {
	enc := json.NewEncoder(report.InertJSON{W: w})
	enc.SetEscapeHTML(false)
	for i := range rows {
		if err := enc.Encode(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func writeParquet[T any](w io.Writer, rows []T) error {
	out := parquet.NewGenericWriter[T](w, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("flowcorr", schema, ""))
	if _, err := out.Write(rows); err != nil {
		return err
	}
	return out.Close()
}

func writeJSON(target string, v any) error {
	return wholefile.Write(target, rowMode, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		return enc.Encode(v)
	})
}

// EachRow reads one table of a result, in order of day and partition.
func EachRow[T any](out, table string, use func(*T) error) error {
	var paths []string
	err := filepath.WalkDir(filepath.Join(out, table), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && filepath.Ext(path) == ".jsonl" {
			paths = append(paths, path)
		}
		return ignoreMissing(err)
	})
	if err != nil {
		return err
	}
	for _, path := range paths { // WalkDir has them in order
		if err := eachLine(path, use); err != nil {
			return err
		}
	}
	return nil
}

func eachLine[T any](path string, use func(*T) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for d := json.NewDecoder(bufio.NewReaderSize(f, 256<<10)); ; {
		var row T
		if err := d.Decode(&row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := use(&row); err != nil {
			return err
		}
	}
}

// FirstDay is the beginning of the first day of a result. An error says that
// there is none.
func FirstDay(out string) (report.Instant, error) {
	if _, err := os.Stat(filepath.Join(out, "files.jsonl")); err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(filepath.Join(out, "journeys"))
	if err != nil {
		return 0, ignoreMissing(err)
	}
	for _, e := range entries {
		if t, err := time.Parse("day="+time.DateOnly, e.Name()); err == nil {
			return report.Instant(t.UnixNano()), nil
		}
	}
	return 0, nil
}
